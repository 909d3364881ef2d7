"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Tests run side by side; threads of one that wait for another's core cost more than they bring.
os.environ.setdefault("OMP_NUM_THREADS", "1")

CHECKOUT = Path(__file__).resolve().parent.parent
ISAS = ("amx", "avx512", "avx2", "neon", "portable")
"""Instruction sets that the native engine has kernels for."""


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The pack of real weights, ONNX files and images; tests that need it are skipped where it is absent."""
    path = Path(os.environ.get("SLSC_DATA", CHECKOUT.parent / "shared" / "data"))
    if not (path / "weights").is_dir():
        pytest.skip(f"no data pack at {path} (set SLSC_DATA)")
    return path


@pytest.fixture(scope="session")
def cases_dir() -> Path:
    """The pack of small networks in the forms the field gives them; tests that need it are skipped without it."""
    path = Path(os.environ.get("SLSC_CASES", CHECKOUT.parent / "shared" / "cases"))
    if not path.is_dir():
        pytest.skip(f"no pack of cases at {path} (set SLSC_CASES)")
    return path


@pytest.fixture(scope="session")
def isas() -> list[str]:
    """Instruction sets the native engine has here, the best first; none where it was not built."""
    from slsc.errors import BackendError
    from slsc.passes.lowering.nmp import PlanFile
    from slsc.runtime.backends.library import library_path
    from slsc.runtime.backends.native import NativeRunner

    if library_path() is None:
        return []
    found, identity = [], PlanFile(0, 0, 1, 0, (1,), (), ()).to_bytes()
    for isa in ISAS:
        try:
            NativeRunner(identity, 1, isa)
        except BackendError:
            continue
        found.append(isa)
    assert "portable" in found
    return found
