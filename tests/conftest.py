"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Tests run side by side; threads of one that wait for another's core cost more than they bring.
os.environ.setdefault("OMP_NUM_THREADS", "1")

CHECKOUT = Path(__file__).resolve().parent.parent


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
