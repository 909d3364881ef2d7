"""Networks of random shape: chains with whatever is added, joined, split or shuffled on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper


class Graph:
    """Grows node by node; tensors are kept with their channels."""

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

    def add(self, op: str, inputs: list[str], *channels: int, **attributes: Any) -> str:
        made = [f"t{len(self.nodes)}_{index}" for index in range(max(1, len(channels)))]
        self.nodes.append(helper.make_node(op, inputs, made, f"n{len(self.nodes)}", **attributes))
        self.images.extend(zip(made, channels, strict=False))
        return made[0]

    def constant(self, value: np.ndarray) -> str:
        self.held.append(numpy_helper.from_array(value, f"c{len(self.held)}"))
        return self.held[-1].name

    def floats(self, *shape: int) -> str:
        return self.constant((self.random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32))

    def integers(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def conv(self, source: tuple[str, int] | None = None, made: int | None = None) -> str:
        name, channels = source or self.pick()
        made = made or self.draw(st.integers(1, 6))
        return self.add("Conv", [name, self.floats(made, channels, 3, 3), self.floats(made)], made, pads=[1] * 4)

    def grouped(self) -> None:
        name, channels = self.pick()
        groups = self.draw(st.sampled_from([g for g in (1, 2, 3, channels) if channels % g == 0]))
        each = self.draw(st.integers(1, 3))
        weight = self.floats(groups * each, channels // groups, 1, 1)
        self.add("Conv", [name, weight, self.floats(groups * each)], groups * each, group=groups)

    def transposed(self) -> None:
        name, channels = self.pick()
        groups = self.draw(st.sampled_from([g for g in (1, 2, 3, channels) if channels % g == 0]))
        each = self.draw(st.integers(1, 3))
        weight = self.floats(channels, each, 1, 1)
        self.add("ConvTranspose", [name, weight, self.floats(groups * each)], groups * each, group=groups)

    def shared(self) -> None:
        """One weight used twice."""
        name, channels = self.pick()
        weight, bias = self.floats(channels, channels, 1, 1), self.floats(channels)
        self.add("Conv", [self.add("Conv", [name, weight, bias], channels), weight, bias], channels)

    def unary(self) -> None:
        name, channels = self.pick()
        op = self.draw(st.sampled_from(("Relu", "Sigmoid", "LeakyRelu", "Neg", "PRelu")))
        self.add(op, [name, *([self.floats(channels, 1, 1)] if op == "PRelu" else [])], channels)

    def affine(self) -> None:
        name, channels = self.pick()
        shape = self.draw(st.sampled_from(((channels, 1, 1), (1,), (1, channels, 1, 1))))
        pair = [name, self.floats(*shape)]
        self.add(
            self.draw(st.sampled_from(("Add", "Sub", "Mul"))), pair[:: self.draw(st.sampled_from((1, -1)))], channels
        )

    def norm(self) -> None:
        name, channels = self.pick()
        held = [self.floats(channels) for _ in range(3)] + [self.constant(np.ones(channels, np.float32))]
        self.add("BatchNormalization", [name, *held], channels)

    def binary(self) -> None:
        (first, channels), (second, others) = self.pick(), self.pick()
        if others != channels and 1 not in (channels, others):
            second, others = self.conv((second, others), channels), channels
        self.add(self.draw(st.sampled_from(("Add", "Mul", "Max"))), [first, second], max(channels, others))

    def gate(self) -> None:
        name, channels = self.pick()
        pooled = self.add(self.draw(st.sampled_from(("GlobalAveragePool", "GlobalMaxPool"))), [name])
        self.add("Mul", [name, self.conv((pooled, channels), channels)], channels)
        self.images.remove((self.nodes[-2].output[0], channels))

    def concat(self) -> None:
        parts = [self.pick() for _ in range(self.draw(st.integers(1, 3)))]
        if sum(channels for _, channels in parts) <= 16:
            axis = self.draw(st.sampled_from((1, -3)))
            self.add("Concat", [name for name, _ in parts], sum(channels for _, channels in parts), axis=axis)

    def split(self) -> None:
        name, channels = self.pick()
        if channels > 1:
            cut = self.draw(st.integers(1, channels - 1))
            self.add("Split", [name, self.integers(cut, channels - cut)], cut, channels - cut, axis=1)

    def slice(self) -> None:
        name, channels = self.pick()
        start = self.draw(st.integers(0, channels - 1))
        stop = self.draw(st.integers(start + 1, channels))
        first = self.draw(st.sampled_from((start, start - channels)))
        operands = [self.integers(0, first), self.integers(9999, stop), self.integers(3, 1)]
        self.add("Slice", [name, *operands], stop - start)

    def gather(self) -> None:
        name, channels = self.pick()
        order = self.draw(st.permutations(range(-channels, 0)))
        self.add("Gather", [name, self.integers(*order)], channels, axis=1)

    def shuffle(self) -> None:
        """Down, a convolution perhaps, and up."""
        name, channels = self.pick()
        if channels <= 4:
            mode = self.draw(st.sampled_from(("CRD", "DCR")))
            small = (self.add("SpaceToDepth", [name], blocksize=2), 4 * channels)
            if self.draw(st.booleans()):
                small = (self.conv(small, 8), 8)
                self.images.pop()
            self.add("DepthToSpace", [small[0]], small[1] // 4, blocksize=2, mode=mode)

    def softmax(self) -> None:
        """Mixes channels as no rule says: they stay."""
        name, channels = self.pick()
        self.add("Softmax", [name], channels, axis=1)

    def model(self) -> onnx.ModelProto:
        steps = (self.conv, self.conv, self.grouped, self.transposed, self.shared, self.unary, self.affine, self.norm)
        joins = (self.binary, self.gate, self.concat, self.split, self.slice, self.gather, self.shuffle, self.softmax)
        self.conv(made=6)
        for _ in range(self.draw(st.integers(2, 12))):
            self.draw(st.sampled_from((*steps, *joins)))()
        output = self.conv(made=3)
        image = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w"])]
        result = [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", 3, "h", "w"])]
        graph = helper.make_graph(self.nodes, "g", image, result, self.held)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
