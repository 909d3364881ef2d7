"""Imports run one way between the rooms, and what must start light or install alone imports nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from slsc.cli.parser import VERBS

CHECKOUT = Path(__file__).resolve().parent.parent

GROUND = (
    "slsc.__version__",
    "slsc.errors",
    "slsc.methods",
    "slsc.metrics.psnr",
    "slsc.pattern",
    "slsc.plan",
    "slsc.printable",
)
ALLOWED = {
    "runtime": (*GROUND, "slsc.runtime"),
    "passes": (*GROUND, "slsc.runtime", "slsc.passes"),
    "slsc": ("slsc",),
    "tools": ("slsc",),
}
FORBIDDEN = {
    "runtime": ("torch", "onnx", "onnx_graphsurgeon", "onnxscript", "skimage"),
    "passes": ("torch",),
    "slsc": ("slsc.tools",),
    "tools": (),
}


def sources(room: str) -> list[Path]:
    return sorted((CHECKOUT / room).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Every module a file imports, also inside functions and under TYPE_CHECKING."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("room", ALLOWED)
def test_each_room_imports_only_what_lies_below_it(room):
    wrong = [
        f"{path.relative_to(CHECKOUT)} imports {module}"
        for path in sources(room)
        for module in imported(path)
        if within(module, FORBIDDEN[room]) or (within(module, ("slsc",)) and not within(module, ALLOWED[room]))
    ]
    assert sources(room) and not wrong


def test_the_ground_floor_needs_numpy_and_itself_only():
    floor = [
        CHECKOUT / "slsc" / f"{name}.py"
        for name in ("__init__", "errors", "methods", "metrics/psnr", "pattern", "plan", "printable")
    ]
    allowed = (*GROUND, "numpy", *sys.stdlib_module_names)
    assert [module for path in floor for module in imported(path) if not within(module, allowed)] == []


def python(code: str, *words: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("words", [["--help"], *([verb, "--help"] for verb in VERBS)], ids=" ".join)
def test_help_imports_nothing_heavy(words):
    code = """
import sys
from slsc.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as stop:
    assert stop.code == 0
heavy = {"torch", "onnx", "onnxruntime", "skimage", "cv2", "scipy"} & set(sys.modules)
assert not heavy, heavy
"""
    assert "usage: slsc" in python(code, *words)


def test_the_runtime_imports_where_torch_and_onnx_are_not_installed():
    modules = [
        ".".join(("slsc", *path.relative_to(CHECKOUT).with_suffix("").parts)).removesuffix(".__init__")
        for path in sources("runtime")
    ]
    code = """
import importlib, sys
for name in ("torch", "onnx", "onnx_graphsurgeon", "skimage"):
    sys.modules[name] = None
for name in sys.argv[1:]:
    importlib.import_module(name)
"""
    python(code, *modules)


def test_compiling_imports_nothing_that_only_training_needs():
    """Lightning Fabric brings torch's compiler, which takes longer to import than all else together but torch."""
    python("import sys, slsc.jobs.compile.compiling; assert 'lightning_fabric' not in sys.modules")
