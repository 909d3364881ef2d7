"""The float32 FMA peak of one core, measured by a small program compiled for this machine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import slsc.runtime
from slsc.errors import BackendError

FLAGS = ("-O3", "-ffp-contract=fast")
ISA_FLAGS = {
    "best": ("-march=native",),
    "amx": ("-mavx512f", "-mfma"),
    "avx512": ("-mavx512f", "-mfma"),
    "avx2": ("-mavx2", "-mfma"),
    "neon": (),
    "portable": (),
}
"""Compiler flags by instruction set, named as the native engine names them; "best" is all this machine has."""


def build_peak(folder: Path, isa: str = "best") -> Path:
    """Compile `runtime/native/bench/peak.cpp` into `folder` with $CXX, or c++, for one of `ISA_FLAGS`.

    Raises:
        BackendError: no compiler, or no source: a wheel does not hold it.
    """
    sources = [Path(base) / "native" / "bench" / "peak.cpp" for base in slsc.runtime.__path__]
    source = next((path for path in sources if path.is_file()), None)
    if source is None:
        raise BackendError("the peak cannot be measured", why="no peak.cpp", hint="run it from a checkout")
    program = folder / "peak"
    compiler = os.environ.get("CXX", "c++")
    try:
        subprocess.run(
            [compiler, *FLAGS, *ISA_FLAGS[isa], str(source), "-o", str(program)],
            check=True,
            capture_output=True,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        why = getattr(error, "stderr", None) or str(error)
        raise BackendError("the peak cannot be measured", why=why, hint="install a C++ compiler") from error
    return program


def measure_peak(program: Path, seconds: float = 0.2) -> float:
    """GFLOP/s of one core, an FMA counting as two: the best of what fits into `seconds`."""
    done = subprocess.run([str(program), str(seconds)], check=True, capture_output=True, text=True)
    return float(done.stdout)
