"""Random networks of the operators that the import passes touch, valid in their operator set, in any layout of axes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

AXES = "nchw"
LAYOUTS = ("nchw", "nchw", "nhwc", "nhwc", "nwhc", "hwnc")


@dataclass(frozen=True)
class Tensor:
    """Of four axes, in the order of `layout`; height and width are `scale` times the image's, or 1 where it is 0."""

    name: str
    layout: str
    channels: int
    scale: int = 1


class Network:
    """Grows node by node.

    Args:
        draw: of hypothesis.
        opset: operator set.
    """

    def __init__(self, draw: Callable[[st.SearchStrategy], Any], opset: int) -> None:
        self.draw, self.opset = draw, opset
        self.random = np.random.default_rng(draw(st.integers(0, 999)))
        self.nodes: list[onnx.NodeProto] = []
        self.held: list[onnx.TensorProto] = []
        self.tensors: list[Tensor] = []

    # Parts

    def node(self, op: str, inputs: list[str], outputs: int = 1, **attributes: Any) -> list[str]:
        made = [f"t{len(self.nodes)}_{index}" for index in range(outputs)]
        name = self.draw(st.sampled_from(("", f"n{len(self.nodes)}")))
        self.nodes.append(helper.make_node(op, inputs, made, name, **attributes))
        return made

    def constant(self, value: np.ndarray) -> str:
        value = np.asarray(value)
        tensor = numpy_helper.from_array(value, f"c{len(self.held)}_{len(self.nodes)}")
        if self.draw(st.integers(0, 3)) == 0:
            return self.node("Constant", [], value=tensor)[0]
        self.held.append(tensor)
        return tensor.name

    def floats(self, *shape: int, offset: float = 0.0) -> str:
        fan = max(1, int(np.prod(shape[1:])))
        return self.constant((self.random.standard_normal(shape) / np.sqrt(fan) + offset).astype(np.float32))

    def with_axes(self, op: str, source: str, axes: list[int], since: int, **attributes: Any) -> str:
        if self.opset >= since:
            return self.node(op, [source, self.constant(np.array(axes))], **attributes)[0]
        return self.node(op, [source], axes=axes, **attributes)[0]

    def pick(self) -> Tensor:
        back = self.draw(st.integers(1, min(len(self.tensors), self.draw(st.sampled_from((1, 2, 9))))))
        return self.tensors[-back]

    def put(self, name: str, like: Tensor, **changes: Any) -> Tensor:
        fields = {"layout": like.layout, "channels": like.channels, "scale": like.scale, **changes}
        self.tensors.append(Tensor(name, **fields))
        return self.tensors[-1]

    def laid_out(self, tensor: Tensor, layout: str) -> Tensor:
        if tensor.layout == layout:
            return tensor
        perm = [tensor.layout.index(axis) for axis in layout]
        return self.put(self.node("Transpose", [tensor.name], perm=perm)[0], tensor, layout=layout)

    # Steps

    def transpose(self) -> None:
        self.laid_out(self.pick(), self.draw(st.sampled_from(LAYOUTS)))

    def unary(self) -> None:
        tensor = self.pick()
        op = self.draw(st.sampled_from(("Relu", "Sigmoid", "Tanh", "LeakyRelu", "Neg", "Identity", "Identity", "Abs")))
        self.put(self.node(op, [tensor.name])[0], tensor)

    def dropout(self) -> None:
        tensor = self.pick()
        self.put(self.node("Dropout", [tensor.name])[0], tensor)

    def clip(self) -> None:
        tensor = self.pick()
        if self.opset < 11:
            self.put(self.node("Clip", [tensor.name], min=-1.0, max=1.5)[0], tensor)
        else:
            low = self.draw(st.sampled_from(("", self.constant(np.float32(-1)))))
            self.put(self.node("Clip", [tensor.name, low, self.constant(np.float32(1.5))])[0], tensor)

    def affine(self) -> None:
        tensor = self.pick()
        place = tensor.layout.index("c")
        shape = [tensor.channels if axis == place else 1 for axis in range(4)]
        shape = self.draw(st.sampled_from(([], [1], [1, 1, 1, 1], shape, shape, shape[place:])))
        pair = [tensor.name, self.floats(*shape)]
        op = self.draw(st.sampled_from(("Add", "Sub", "Mul", "PRelu") if self.opset >= 9 else ("Add", "Sub", "Mul")))
        swap = op != "PRelu" and self.draw(st.booleans())
        self.put(self.node(op, pair[::-1] if swap else pair)[0], tensor)

    def binary(self) -> None:
        first, second = self.pick(), self.pick()
        if first.scale != second.scale:
            return
        if first.channels != second.channels:
            second = self._conv(second, first.channels, 1)
        second = self.laid_out(second, first.layout)
        op = self.draw(st.sampled_from(("Add", "Sub", "Mul", "Max")))
        self.put(self.node(op, [first.name, second.name])[0], first)

    def _conv(self, tensor: Tensor, made: int, size: int, pad: bool = False) -> Tensor:
        tensor = self.laid_out(tensor, "nchw")
        name, pads = tensor.name, [size // 2] * 4
        if pad and size > 1:
            around = [0, 0, 1, 1, 0, 0, 1, 1]
            if self.opset < 11:
                (name,) = self.node("Pad", [name], pads=around)
            else:
                value = self.draw(st.sampled_from(((), ("",), (self.constant(np.float32(0)),))))
                (name,) = self.node("Pad", [name, self.constant(np.array(around)), *(v for v in value if v)])
            pads = [0, 0, 0, 0]
        bias = [self.floats(made)] if self.draw(st.booleans()) else []
        inputs = [name, self.floats(made, tensor.channels, size, size), *bias]
        return self.put(self.node("Conv", inputs, pads=pads)[0], tensor, channels=made)

    def conv(self) -> None:
        self._conv(self.pick(), self.draw(st.integers(1, 5)), self.draw(st.sampled_from((1, 3))))

    def padded(self) -> None:
        self._conv(self.pick(), self.draw(st.integers(1, 5)), 3, pad=True)

    def normalized(self) -> None:
        tensor = self._conv(self.pick(), self.draw(st.integers(1, 5)), self.draw(st.sampled_from((1, 3))))
        count = tensor.channels
        parameters = [self.floats(count, offset=1), self.floats(count), self.floats(count)]
        variance = self.constant((1 + self.random.random(count)).astype(np.float32))
        self.put(self.node("BatchNormalization", [tensor.name, *parameters, variance])[0], tensor)

    def concat(self) -> None:
        first = self.pick()
        parts = [first]
        for other in (self.pick(), self.pick())[: self.draw(st.integers(0, 2))]:
            if other.scale == first.scale and other.channels < 9:
                parts.append(self.laid_out(other, first.layout))
        axis = first.layout.index("c") - self.draw(st.sampled_from((0, 4))) * (self.opset >= 11)
        name = self.node("Concat", [part.name for part in parts], axis=axis)[0]
        self.put(name, first, channels=sum(part.channels for part in parts))

    def split(self) -> None:
        tensor = self.pick()
        if tensor.channels < 2:
            return
        sizes = [1, tensor.channels - 1]
        axis = tensor.layout.index("c")
        if self.opset >= 13:
            names = self.node("Split", [tensor.name, self.constant(np.array(sizes))], 2, axis=axis)
        else:
            names = self.node("Split", [tensor.name], 2, axis=axis, split=sizes)
        for name, size in zip(names, sizes, strict=True):
            self.put(name, tensor, channels=size)

    def slice(self) -> None:
        tensor = self.pick()
        axis, first = tensor.layout.index("c"), self.draw(st.integers(0, tensor.channels - 1))
        if self.opset < 10:
            name = self.node("Slice", [tensor.name], axes=[axis], starts=[first], ends=[tensor.channels])[0]
            self.put(name, tensor, channels=tensor.channels - first)
            return
        if self.draw(st.booleans()):
            bounds, kept = ([-1], [-(2**31)], [axis], [-1]), tensor.channels
        else:
            bounds, kept = ([first], [2**31 - 1], [axis - 4], [1]), tensor.channels - first
        dtype = self.draw(st.sampled_from((np.int64, np.int32)))
        names = [self.constant(np.array(bound, np.int64).clip(-(2**31), 2**31 - 1).astype(dtype)) for bound in bounds]
        self.put(self.node("Slice", [tensor.name, *names])[0], tensor, channels=kept)

    def gather(self) -> None:
        tensor = self.pick()
        order = self.random.permutation(tensor.channels)
        inputs = [tensor.name, self.constant(order.astype(np.int64))]
        self.put(self.node("Gather", inputs, axis=tensor.layout.index("c"))[0], tensor)

    def mean(self) -> None:
        tensor = self.pick()
        axes = [tensor.layout.index(axis) for axis in self.draw(st.sampled_from(("c", "hw")))]
        mean = self.with_axes("ReduceMean", tensor.name, axes, 18, keepdims=1)
        self.put(self.node(self.draw(st.sampled_from(("Mul", "Sub"))), [tensor.name, mean])[0], tensor)

    def softmax(self) -> None:
        tensor = self.pick()
        if self.opset >= 13:
            self.put(self.node("Softmax", [tensor.name], axis=tensor.layout.index("c"))[0], tensor)

    def reshaped(self) -> None:
        tensor = self.pick()
        (shape,) = self.node("Shape", [tensor.name])
        self.put(self.node("Reshape", [tensor.name, shape])[0], tensor)

    def squeezed(self) -> None:
        tensor = self.pick()
        axis = self.draw(st.integers(0, 4))
        wide = self.with_axes("Unsqueeze", tensor.name, [axis], 13)
        self.put(self.with_axes("Squeeze", wide, [axis], 13), tensor)

    def resized(self) -> None:
        tensor = self.pick()
        if tensor.scale != 1:
            return
        tensor = self.laid_out(tensor, "nchw")
        scales = np.array([1, 1, 2, 2], np.float32)
        if self.opset < 9:
            (name,) = self.node("Upsample", [tensor.name], mode="nearest", scales=scales.tolist())
        elif self.opset < 10:
            (name,) = self.node("Upsample", [tensor.name, self.constant(scales)], mode="nearest")
        elif self.opset < 11:
            (name,) = self.node("Resize", [tensor.name, self.constant(scales)], mode="nearest")
        else:
            roi = self.constant(np.zeros(0, np.float32)) if self.opset < 13 else ""
            more = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            (name,) = self.node("Resize", [tensor.name, roi, self.constant(scales)], mode="nearest", **more)
        self.put(name, tensor, scale=2)

    def shuffled(self) -> None:
        tensor = self.pick()
        if tensor.scale != 1:
            return
        tensor = self._conv(tensor, 4 * self.draw(st.integers(1, 2)), 1)
        self.put(
            self.node("DepthToSpace", [tensor.name], blocksize=2)[0], tensor, channels=tensor.channels // 4, scale=2
        )

    def multiplied(self) -> None:
        tensor = self.laid_out(self.pick(), "nhwc")
        made = self.draw(st.integers(1, 4))
        self.put(self.node("MatMul", [tensor.name, self.floats(tensor.channels, made)])[0], tensor, channels=made)

    def quantized(self) -> None:
        tensor = self.pick()
        if self.opset < 10:
            return
        ends = [self.constant(np.float32(0.02)), self.constant(np.uint8(self.draw(st.sampled_from((0, 100)))))]
        (integers,) = self.node("QuantizeLinear", [tensor.name, *ends])
        self.put(self.node("DequantizeLinear", [integers, *ends])[0], tensor)

    def finish(self, inputs: str, outputs: str) -> onnx.ModelProto:
        tensor = self._conv(self.pick(), 3, 1)
        tensor = self.laid_out(tensor, outputs)
        if self.nodes[-1].output[0] != tensor.name or self.nodes[-1].op_type == "Constant":
            self.node("Identity", [tensor.name])
        self.nodes[-1].output[0] = "y"
        sides = {"n": "n", "c": 3, "h": "h", "w": "w"}
        after = {"n": "n", "c": 3, "h": "h2", "w": "w2"}
        graph = helper.make_graph(
            self.nodes,
            "random",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [sides[axis] for axis in inputs])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [after[axis] for axis in outputs])],
            self.held,
        )
        version = 8 if self.opset < 20 else 10
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=version)


STEPS = (
    *("transpose", "transpose", "unary", "unary", "dropout", "clip", "affine", "affine", "binary", "conv", "padded"),
    *("normalized", "concat", "split", "slice", "gather", "mean", "softmax", "reshaped", "squeezed", "resized"),
    *("shuffled", "multiplied"),
)


def network(draw: Callable[[st.SearchStrategy], Any], *, quantized: bool = False) -> tuple[onnx.ModelProto, str, str]:
    """A random network, and the layouts of its input and output."""
    opset = draw(st.integers(7, 21))
    inputs, outputs = draw(st.sampled_from(("nchw", "nhwc"))), draw(st.sampled_from(("nchw", "nhwc")))
    made = Network(draw, opset)
    made.tensors.append(Tensor("x", inputs, 3))
    steps = (*STEPS, *["quantized"] * 3) if quantized else STEPS
    for step in draw(st.lists(st.sampled_from(steps), min_size=1, max_size=10)):
        getattr(made, step)()
    return made.finish(inputs, outputs), inputs, outputs


def of_8_bit_images(model: onnx.ModelProto) -> onnx.ModelProto:
    """The network between an image of 8-bit integers and another."""
    scale, white = ("white.in", np.float32(1 / 255)), ("white.out", np.float32(255))
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in (scale, white))
    for node in model.graph.node:
        node.input[:] = ["x.float" if name == "x" else name for name in node.input]
        node.output[:] = ["y.float" if name == "y" else name for name in node.output]
    start = [helper.make_node("Cast", ["x"], ["x.cast"], to=TensorProto.FLOAT)]
    start.append(helper.make_node("Mul", ["x.cast", "white.in"], ["x.float"]))
    end = [helper.make_node("Mul", ["y.float", "white.out"], ["y.white"])]
    if model.opset_import[0].version < 11:
        end.append(helper.make_node("Clip", ["y.white"], ["y.clip"], min=0.0, max=255.0))
    else:
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(np.float32(0)), "black"))
        end.append(helper.make_node("Clip", ["y.white", "black", "white.out"], ["y.clip"]))
    end.append(helper.make_node("Cast", ["y.clip"], ["y"], to=TensorProto.UINT8))
    nodes = [*start, *model.graph.node, *end]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = TensorProto.UINT8
    return model


def in_half_precision(model: onnx.ModelProto) -> onnx.ModelProto:
    """The network with all of its numbers in float16, but for the factors of Resize."""
    factors = {name for node in model.graph.node if node.op_type in ("Resize", "Upsample") for name in node.input[1:]}
    tensors = [tensor for tensor in model.graph.initializer if tensor.name not in factors]
    for node in model.graph.node:
        if node.op_type == "Constant" and node.output[0] not in factors:
            tensors.append(node.attribute[0].t)
    for tensor in tensors:
        if tensor.data_type == TensorProto.FLOAT:
            half = numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(half, tensor.name))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    return model
