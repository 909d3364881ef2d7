"""What the tests of the native engine share."""

from __future__ import annotations

import fcntl
import importlib
import importlib.util
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from slsc.errors import BackendError
from slsc.passes.lowering.nmp import PlanFile
from slsc.runtime.backends.native import NativeRunner

HERE = Path(__file__).resolve().parent
ADDRESS = "address,undefined"


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
    """The package `plans`: random plans."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(HERE)
        return importlib.import_module("plans")


@pytest.fixture(scope="session")
def bundles() -> ModuleType:
    """The package `bundles`: small bundles written without the compiler."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(HERE)
        return importlib.import_module("bundles")


@pytest.fixture(scope="session")
def interpreter() -> ModuleType:
    """The module of the slow interpreter of plans."""
    return _module(HERE.parents[1] / "passes" / "lowering" / "interpreter.py")


@pytest.fixture(scope="session")
def mixed() -> ModuleType:
    """The module `mixed`: regions with candidates of their own, in numpy."""
    return _module(HERE / "mixed.py")


@pytest.fixture(scope="session")
def interpret(interpreter: ModuleType) -> Callable[..., np.ndarray]:
    """The slow interpreter of plans: interpret(plan, image, capacity=0)."""
    return interpreter.interpret  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def isas(isas: list[str]) -> list[str]:
    """Instruction sets of this processor and build; there is one at least."""
    if not isas:
        pytest.skip("the native library was not built")
    return isas


@pytest.fixture(scope="session")
def refusal() -> Callable[[bytes], str]:
    """refusal(plan file) -> why the engine refuses it."""

    def of(data: bytes) -> str:
        with pytest.raises(BackendError) as caught:
            NativeRunner(data, 1)
        return str(caught.value)

    return of


@pytest.fixture(scope="session")
def build_native(native_sources: Path) -> Callable[..., Path]:
    """build_native(name, *options, target="all") -> folder: the engine's C++ tests, built with CMake options.

    They are compiled quickly rather than made quick: most of those tests take seconds. They are built below the
    checkout's ignored folder `build`, so that only what changed is compiled again.
    """
    if shutil.which("cmake") is None:
        pytest.skip("no cmake")

    def build(name: str, *options: str, target: str = "all") -> Path:
        folder = native_sources.parents[1] / "build" / f"native-{name}"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # other test processes may want it, too
            quickly = ("-DCMAKE_CXX_FLAGS_RELEASE=-Og", "-DSLSC_NATIVE_KERNELS=-Og")
            _run("cmake", "-S", native_sources, "-B", folder, "-DSLSC_NATIVE_TESTS=ON", *quickly, *options)
            _run("cmake", "--build", folder, "--parallel", "2", "--target", target)
        return folder / "tests"

    return build


@pytest.fixture(scope="session")
def sanitizers_work(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bool]:
    """sanitizers_work("address,undefined"): whether this machine compiles and runs a program with them."""

    def works(sanitizers: str) -> bool:
        if shutil.which("g++") is None:
            return False
        folder = tmp_path_factory.mktemp("probe")
        source, program = folder / "probe.cpp", folder / "probe"
        source.write_text("int main() {}")
        built = subprocess.run(["g++", f"-fsanitize={sanitizers}", source, "-o", program], capture_output=True)
        return built.returncode == 0 and subprocess.run([program], capture_output=True).returncode == 0

    return works


@pytest.fixture(scope="session")
def native_tests(build_native: Callable[..., Path], sanitizers_work: Callable[[str], bool]) -> Path:
    """The folder of the engine's C++ tests, with the address and undefined-behaviour sanitizers where they work."""
    if sanitizers_work(ADDRESS):
        return build_native("address-undefined", f"-DSLSC_NATIVE_SANITIZE={ADDRESS}")
    return build_native("plain")


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def write_case(interpret: Callable[..., np.ndarray]) -> Callable[..., None]:
    """write_case(path without suffix, plan, image): the plan, and the image with what the interpreter makes of it."""

    def write(path: Path, plan: PlanFile, image: np.ndarray) -> None:
        path.with_suffix(".nmp").write_bytes(plan.to_bytes())
        parts = [np.array(a.shape, np.int32).tobytes() + a.tobytes() for a in (image, interpret(plan, image))]
        path.with_suffix(".case").write_bytes(b"".join(parts))

    return write


@pytest.fixture(scope="session")
def cases(plans: ModuleType, write_case: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of plans of every kind, each with an image and what the interpreter makes of it (see selftest.cpp)."""
    folder = tmp_path_factory.mktemp("cases")
    for index, (kind, make) in enumerate(plans.KINDS.items()):
        for seed in range(2):
            rng = np.random.default_rng([index, seed])
            plan = make(rng)
            image = rng.standard_normal((plan.values[0], *rng.integers(plans.SMALLEST, 40, 2))).astype(np.float32)
            write_case(folder / f"{kind}{seed}", plan, image)
    return folder
