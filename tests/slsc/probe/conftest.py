"""Restorers in closed form, each right in one range only, in the dress of any convention."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from slsc.data.calibration import calibration_photos
from slsc.probe import Form
from slsc.runtime.bundle.value_range import UNIT, ValueRange


@dataclass
class Graph:
    """Nodes from `x` on, with names of their own."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, operator: str, *inputs: str | np.ndarray | float, **attributes: object) -> str:
        """The name of what an operator makes; arrays and numbers become constants."""
        names = [one if isinstance(one, str) else self.constant(one) for one in inputs]
        self.nodes.append(helper.make_node(operator, names, [f"v{len(self.nodes)}"], **attributes))
        return str(self.nodes[-1].output[0])

    def constant(self, value: np.ndarray | float) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def integers(self, *values: int) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name


Core = Callable[[Graph, str], str]
"""From black 0 and white 1 to the same."""


def bilateral(graph: Graph, x: str) -> str:
    """A mean of 25 neighbours, of those that differ little: it removes noise, and does nothing in a range too wide."""
    taps = np.eye(25, dtype=np.float32).reshape(25, 1, 5, 5)
    shifts, centre = np.tile(taps, (3, 1, 1, 1)), np.tile(taps[12:13], (75, 1, 1, 1))
    near = graph.add("Conv", x, shifts, group=3, pads=[2] * 4)
    difference = graph.add("Sub", near, graph.add("Conv", x, centre, group=3, pads=[2] * 4))
    weight = graph.add("Exp", graph.add("Mul", graph.add("Mul", difference, difference), -20.0))
    ones = np.ones((3, 25, 1, 1))
    total = graph.add("Conv", graph.add("Mul", weight, near), ones, group=3)
    return graph.add("Div", total, graph.add("Conv", weight, ones, group=3))


def brightening(graph: Graph, x: str) -> str:
    """Four times as bright, white at most."""
    return graph.add("Clip", graph.add("Mul", x, 4.0), 0.0, 1.0)


def enlarging(graph: Graph, x: str) -> str:
    """Twice as large, a little sharper than bicubic; saturates."""
    scales = graph.constant(np.array([1, 1, 2, 2]))
    return graph.add("Clip", graph.add("Resize", x, "", scales, mode="cubic", cubic_coeff_a=-0.75), 0.0, 1.0)


def sharpening(graph: Graph, x: str) -> str:
    """Adds what a blur takes away; saturates."""
    line = np.exp(-np.square(np.arange(-5, 6)) / (2 * 1.6**2))
    kernel = np.tile(np.outer(line, line) / line.sum() ** 2, (3, 1, 1, 1))
    sides = graph.integers(0, 0, 5, 5, 0, 0, 5, 5)
    blurred = graph.add("Conv", graph.add("Pad", x, sides, mode="reflect"), kernel, group=3)
    detail = graph.add("Mul", graph.add("Sub", x, blurred), 1.5)
    return graph.add("Clip", graph.add("Add", x, detail), 0.0, 1.0)


def dressed(core: Core, given: ValueRange, put_out: ValueRange, form: Form = Form.PICTURE) -> onnx.ModelProto:
    """A network that computes `core` for images of one range, into another."""

    def planes(values: tuple[float, ...]) -> np.ndarray:
        return np.array(values, np.float32).reshape(1, -1, 1, 1)

    graph = Graph()
    x = graph.add("Div", graph.add("Sub", "x", planes(given.low)), planes(given.span))
    y = core(graph, x)
    if form is Form.PICTURE:
        y = graph.add("Add", graph.add("Mul", y, planes(put_out.span)), planes(put_out.low))
    else:
        y = graph.add("Mul", graph.add("Sub", *((x, y) if form is Form.SUBTRACT else (y, x))), planes(put_out.span))
    made = helper.make_graph(
        graph.nodes,
        "restorer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "h", "w"])],
        [helper.make_tensor_value_info(y, TensorProto.FLOAT, [1, 3, "h2", "w2"])],
        graph.constants,
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def inverting(graph: Graph, x: str) -> str:
    """Black for white; saturates."""
    return graph.add("Clip", graph.add("Sub", 1.0, x), 0.0, 1.0)


CORES: dict[str, Core] = {
    "bilateral": bilateral,
    "brightening": brightening,
    "enlarging": enlarging,
    "sharpening": sharpening,
    "inverting": inverting,
}


@pytest.fixture(scope="session")
def dress() -> Callable[..., onnx.ModelProto]:
    """dress(name of the core, range of its input, of its output, form)."""

    def make(
        name: str, given: ValueRange = UNIT, put_out: ValueRange = UNIT, form: Form = Form.PICTURE
    ) -> onnx.ModelProto:
        return dressed(CORES[name], given, put_out, form)

    return make


@pytest.fixture(scope="session")
def photos() -> list[np.ndarray]:
    return calibration_photos(None, 3, 0)
