"""Peak memory and time of `slsc run` over the size of the output, as a Markdown table.

    python -m slsc.tools.bench_memory BUNDLE --megapixels 1,2,4,8,16,32 [--memory 512MiB] [--threads N] [--alone]

Every size is restored in a process of its own, whose peak resident set the system reports when it ends. The photo is
scikit-image's astronaut, mirrored and repeated to the size: real structure at every size, and the same everywhere.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from slsc.errors import SlscError, UsageError
from slsc.runtime.bundle.manifest import Manifest
from slsc.runtime.bundle.reader import open_bundle
from slsc.runtime.image.photo import Photo, load_photo, save_photo
from slsc.runtime.memory import parse_bytes
from slsc.runtime.session import Session

ASPECT = (16, 9)
RESIDENT_UNIT = 1 if sys.platform == "darwin" else 1024
"""Unit of `ru_maxrss` in bytes: macOS counts bytes, Linux kibibytes (getrusage(2))."""

LAUNCHER = """
import os, sys, time
begun = time.perf_counter()
child = os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), time.perf_counter() - begun, usage.ru_maxrss)
"""
"""Runs a command and prints exit code, seconds and peak. A process of its own, because a child's peak starts at the
resident set of the process it was forked from; this one is smaller than anything worth measuring."""


@dataclass(frozen=True)
class Measurement:
    """One restoration: output size in pixels, wall-clock seconds and peak resident bytes of its whole process; and the
    seconds that the engine alone takes for the whole image, in memory before and after."""

    height: int
    width: int
    seconds: float
    peak_bytes: int
    alone: float | None = None

    @property
    def megapixels(self) -> float:
        """Output pixels / 10^6."""
        return self.height * self.width / 1e6


def sizes(text: str) -> list[float]:
    """Comma-separated output megapixels.

    Raises:
        UsageError: something else.
    """
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if not values or not all(0 < value <= 1000 for value in values):
        raise UsageError(f"{text!r} are no sizes", hint="write them as 1,2,4,8,16,32")
    return values


def input_size(megapixels: float, scale: int) -> tuple[int, int]:
    """Height and width of a 16:9 input whose restoration has about so many megapixels."""
    unit = (megapixels * 1e6 / (ASPECT[0] * ASPECT[1])) ** 0.5 / scale
    return max(1, round(ASPECT[1] * unit)), max(1, round(ASPECT[0] * unit))


def sample_photo(height: int, width: int) -> npt.NDArray[np.uint8]:
    """A photo of that size, HxWx3 RGB."""
    from skimage import data

    photo = data.astronaut()
    missing = [max(0, side - have) for side, have in zip((height, width), photo.shape[:2], strict=True)]
    return np.pad(photo, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="symmetric")[:height, :width]


def measure(command: Sequence[str]) -> tuple[float, int]:
    """Seconds and peak resident bytes of a command.

    Raises:
        UsageError: it does not exit with 0; its own message went to stderr.
    """
    launched = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LAUNCHER, *command], stdout=subprocess.PIPE, text=True, check=True
    )
    code, seconds, peak = launched.stdout.splitlines()[-1].split()
    if code != "0":
        raise UsageError("the restoration failed", why=f"exit code {code}", hint=" ".join(command))
    return float(seconds), int(peak) * RESIDENT_UNIT


class EngineAlone:
    """The engine without files, pixels and bounds of memory."""

    def __init__(self, bundle: Path, threads: int, engine: str | None) -> None:
        self._session = Session(bundle, threads=threads, engine=engine)

    def seconds(self, height: int, width: int) -> float:
        """Of a run on a whole image; what it needs to be ready for the size is not counted."""
        channels = self._session.manifest.io.channels
        batch = np.random.default_rng(0).random((1, channels, height, width), np.float32)
        self._session.restore_tensor(batch[:, :, : height // 8 or height])
        begun = time.perf_counter()
        self._session.restore_tensor(batch)
        return time.perf_counter() - begun


def benchmark(
    bundle: Path, manifest: Manifest, megapixels: Sequence[float], extra: list[str], alone: EngineAlone | None = None
) -> Iterator[Measurement]:
    """Restore a photo of every size with `slsc run`, `extra` being further words of its command line.

    `alone` is measured before and after, and the mean taken: other work on the machine then weighs on both.
    """
    scale = manifest.io.scale
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.png"), Path(folder, "out.png")
        for wanted in megapixels:
            height, width = input_size(wanted, scale)
            save_photo(Photo(sample_photo(height, width)), source)
            command = [sys.executable, "-m", "slsc", "run", str(bundle), str(source), "-o", str(target), *extra]
            before = alone.seconds(height, width) if alone else None
            seconds, peak = measure(command)
            after = alone.seconds(height, width) if alone else None
            restored = load_photo(target).pixels.shape[:2]
            if restored != (height * scale, width * scale):
                raise UsageError("the restoration has the wrong size", why=f"{restored}", hint=" ".join(command))
            mean = (before + after) / 2 if before is not None and after is not None else None
            yield Measurement(height * scale, width * scale, seconds, peak, mean)


def markdown(measurements: Sequence[Measurement]) -> str:
    """The table."""
    titles = ["output", "megapixels", "time (s)", "s per megapixel", "peak memory (MiB)"]
    rows = [
        [
            f"{m.width}x{m.height}",
            f"{m.megapixels:.1f}",
            f"{m.seconds:.1f}",
            f"{m.seconds / m.megapixels:.2f}",
            f"{m.peak_bytes / (1 << 20):.0f}",
            *([] if m.alone is None else [f"{m.alone:.1f}", f"{m.seconds / m.alone:.2f}"]),
        ]
        for m in measurements
    ]
    if any(m.alone is not None for m in measurements):
        titles += ["engine alone (s)", "ratio"]
    ruler = ["---", *["---:"] * (len(titles) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (titles, ruler, *rows))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--megapixels", default="1,2,4,8,16,32", help="output sizes (default 1,2,4,8,16,32)")
    parser.add_argument("--memory", help="the memory knob, such as 512MiB")
    parser.add_argument("--threads", help="CPU threads")
    parser.add_argument("--engine", help="engine of the bundle")
    parser.add_argument("--alone", action="store_true", help="measure the engine alone, too: whole images in memory")
    args = parser.parse_args(argv)
    chosen = {f"--{name}": getattr(args, name) for name in ("memory", "threads", "engine")}
    extra = [word for option, value in chosen.items() if value for word in (option, value)]
    try:
        if args.memory:
            parse_bytes(args.memory)
        measurements = []
        alone = EngineAlone(args.bundle, int(args.threads or 0), args.engine) if args.alone else None
        manifest = open_bundle(args.bundle).manifest
        for measurement in benchmark(args.bundle, manifest, sizes(args.megapixels), extra, alone):
            print(f"{measurement.megapixels:.1f} MP: {measurement.seconds:.1f} s", file=sys.stderr)
            measurements.append(measurement)
    except SlscError as error:
        print(f"bench_memory: error: {error}", file=sys.stderr)
        return error.exit_code
    print(markdown(measurements))
    return 0


if __name__ == "__main__":
    sys.exit(main())
