"""Graphs of random shape: whatever is fused, placed in concatenations or copied, the output stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

SCALE = 2


class Graph:
    """Grows node by node; tensors are kept with their channels, and whether they are single pixels."""

    def __init__(self, draw: Callable[[st.SearchStrategy], Any]) -> None:
        self.draw = draw
        self.nodes: list[onnx.NodeProto] = []
        self.held: list[onnx.TensorProto] = []
        self.images: list[tuple[str, int]] = [("x", 3)]
        self.random = np.random.default_rng(draw(st.integers(0, 999)))

    def pick(self) -> tuple[str, int]:
        """Mostly one of the last tensors, so that chains arise."""
        back = self.draw(st.integers(1, min(len(self.images), self.draw(st.sampled_from((1, 2, 9))))))
        return self.images[-back]

    def add(self, op: str, inputs: list[str], channels: int, outputs: int = 1, **attributes: Any) -> list[str]:
        made = [f"t{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, made, f"n{len(self.nodes)}", **attributes))
        if channels:
            self.images.extend((name, channels) for name in made)
        return made

    def constant(self, value: np.ndarray) -> str:
        self.held.append(numpy_helper.from_array(value, f"c{len(self.held)}"))
        return self.held[-1].name

    def floats(self, *shape: int) -> str:
        fan = max(1, int(np.prod(shape[1:])))
        return self.constant((self.random.standard_normal(shape) / np.sqrt(fan)).astype(np.float32))

    def conv(self, source: tuple[str, int] | None = None, made: int | None = None, last: bool = False) -> str:
        name, channels = source or self.pick()
        made = made or self.draw(st.integers(1, 6))
        size = self.draw(st.sampled_from((1, 1, 3)))
        # The last one has a bias, so that the output is not what rounding leaves of a cancelled sum.
        bias = [self.floats(made)] if size == 3 or last else []
        inputs = [name, self.floats(made, channels, size, size), *bias]
        return self.add("Conv", inputs, made, pads=[size // 2] * 4)[0]

    def unary(self) -> None:
        name, channels = self.pick()
        op = self.draw(st.sampled_from(("Relu", "Sigmoid", "Tanh", "LeakyRelu", "Neg", "PRelu", "HardSwish")))
        self.add(op, [name, *([self.floats(channels, 1, 1)] if op == "PRelu" else [])], channels)

    def affine(self) -> None:
        name, channels = self.pick()
        shape = self.draw(st.sampled_from(((channels, 1, 1), (1,), (1, channels, 1, 1))))
        pair = [name, self.floats(*shape)]
        self.add(
            self.draw(st.sampled_from(("Add", "Sub", "Mul"))), pair[:: self.draw(st.sampled_from((1, -1)))], channels
        )

    def binary(self) -> None:
        (first, channels), (second, others) = self.pick(), self.pick()
        if others != channels:
            second = self.conv((second, others), channels)
        self.add(self.draw(st.sampled_from(("Add", "Add", "Sub", "Mul", "Max"))), [first, second], channels)

    def gate(self) -> None:
        name, channels = self.pick()
        (gate,) = self.add("Sigmoid", [name], channels)
        self.add("Mul", [name, gate], channels)

    def concat(self) -> None:
        parts = [self.pick() for _ in range(self.draw(st.integers(2, 3)))]
        self.add("Concat", [name for name, _ in parts], sum(channels for _, channels in parts), axis=1)

    def split(self) -> None:
        name, channels = self.pick()
        if channels < 2:
            return
        first = self.draw(st.integers(1, channels - 1))
        sizes = self.constant(np.array([first, channels - first]))
        one, two = self.add("Split", [name, sizes], 0, outputs=2, axis=1)
        self.images += [(one, first), (two, channels - first)]

    def squeeze(self) -> None:
        name, channels = self.pick()
        (mean,) = self.add("GlobalAveragePool", [name], 0)
        (mixed,) = self.add("Conv", [mean, self.floats(channels, channels, 1, 1)], 0)
        (gate,) = self.add("Sigmoid", [mixed], 0)
        self.add(self.draw(st.sampled_from(("Mul", "Add"))), [name, gate], channels)

    def spread(self) -> None:
        name, channels = self.pick()
        (mean,) = self.add("ReduceMean", [name], 0, axes=[1])
        self.add(self.draw(st.sampled_from(("Mul", "Sub"))), [name, mean], channels)

    def finish(self) -> onnx.ModelProto:
        mode = self.draw(st.sampled_from(("CRD", "DCR", "")))
        name = self.conv(made=3 * SCALE**2 if mode else 3, last=True)
        if mode:
            (name,) = self.add("DepthToSpace", [name], 3, blocksize=SCALE, mode=mode)
        if self.draw(st.booleans()):
            (name,) = self.add("Clip", [name, self.constant(np.float32(-0.5)), self.constant(np.float32(0.5))], 3)
        self.nodes[-1].output[0] = "y"
        graph = helper.make_graph(
            self.nodes,
            "random",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w"])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3, "h2", "w2"])],
            self.held,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


GROW = ("conv", "conv", "unary", "affine", "binary", "binary", "gate", "concat", "concat", "split", "squeeze", "spread")


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_graph(lowers: Callable, data: st.DataObject) -> None:
    graph = Graph(data.draw)
    graph.conv()
    for kind in data.draw(st.lists(st.sampled_from(GROW), min_size=1, max_size=16)):
        getattr(graph, kind)()
    lowers(graph.finish(), (data.draw(st.integers(1, 20)), data.draw(st.integers(1, 20))))
