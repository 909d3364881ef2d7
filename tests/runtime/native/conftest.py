"""What the tests of the native engine share."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from slsc.errors import BackendError
from slsc.runtime.backends.library import library_path
from slsc.runtime.backends.native import NativeRunner

HERE = Path(__file__).resolve().parent
ISAS = ("avx512", "avx2", "neon", "portable")


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def native_sources() -> Path:
    """The engine's source folder."""
    return HERE.parents[2] / "runtime" / "native"


@pytest.fixture(scope="session")
def plans() -> ModuleType:
    """`plans.py`: random plans."""
    return _module(HERE / "plans.py")


@pytest.fixture(scope="session")
def interpret() -> Callable[..., np.ndarray]:
    """The slow interpreter of plans: interpret(plan, image, capacity=0)."""
    interpreter = _module(HERE.parents[1] / "passes" / "lowering" / "interpreter.py")
    return interpreter.interpret  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def isas(plans: ModuleType) -> list[str]:
    """Instruction sets of this processor and build."""
    if library_path() is None:
        pytest.skip("the native library was not built")
    found = []
    for isa in ISAS:
        try:
            NativeRunner(plans.identity().to_bytes(), threads=1, isa=isa)
        except BackendError:
            continue
        found.append(isa)
    assert "portable" in found
    return found
