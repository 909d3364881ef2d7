"""Statically quantized networks -> the floating-point networks that they are rounded from."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper

from slsc.errors import ModelError
from slsc.passes.analysis.types import INTEGERS, MOVERS, element_types, type_name
from slsc.passes.base import Pass, PassContext, PassResult, copy_of
from slsc.passes.graph import (
    attribute,
    consumers,
    drop_unused,
    hold_constants,
    initializers,
    input_dependent,
    label,
    opset,
    set_initializer,
)
from slsc.passes.importing.integer_operators import expanded
from slsc.passes.weights import Weights

MOVING = MOVERS | {"Resize", "Upsample"}
"""Operators that integers may pass in the place of the numbers they stand for."""

KEEPING = (MOVING | {"Dropout"}) - {"Pad"}
"""Operators that make no value smaller or larger than all there were; but a cubic Resize does."""

UNBOUNDED = (-np.inf, np.inf)


@dataclass(frozen=True)
class _Grid:
    """How the integers of a tensor stand for numbers: number = (integer - zero) * scale."""

    scale: float
    zero: int
    kind: int

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest number there is an integer for."""
        info = np.iinfo(helper.tensor_dtype_to_np_dtype(self.kind))
        return (int(info.min) - self.zero) * self.scale, (int(info.max) - self.zero) * self.scale


class Dequantize(Pass):
    """QuantizeLinear, DequantizeLinear and arithmetic in 8-bit integers -> the arithmetic in numbers that is meant.

    1. QLinearConv, QLinearMatMul and ONNX Runtime's own QLinear operators become DequantizeLinear, the operator on
       numbers, and QuantizeLinear.
    2. A tensor of integers becomes the tensor of the numbers they stand for. What moves values about moves those.
    3. QuantizeLinear rounds and saturates. The rounding goes; the saturation stays, as Clip, since quantizers leave it
       to do what a Relu did; but where the numbers lie within those bounds anyway.
    4. DequantizeLinear goes; where its scale is not that of its integers it becomes the factor and term between them.
    5. Weights and biases become the numbers that they stand for, under their own names where nothing else uses them.
    6. Integers at the network's interface stay: numbers become them, or they become numbers, there.

    A network whose weights alone are stored as integers is left alone.
    """

    name = "dequantize"
    preserves_function = False  # by as much as its activations were rounded

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply the rules to a network that quantizes what depends on the image.

        Raises:
            ModelError: a node computes in integers in another way, or quantizes by amounts that are computed or differ
                between channels.
        """
        moving = input_dependent(model)
        if not any(_quantizes(node) and moving.intersection(node.input) for node in model.graph.node):
            return PassResult(model, False, {"quantized": 0})
        result = copy_of(model)
        hold_constants(result)
        nodes = [each for node in result.graph.node for each in expanded(node)]  # rule 1
        nodes = [copy.deepcopy(node) for node in nodes]
        del result.graph.node[:]
        result.graph.node.extend(nodes)
        work = _Numbers(result)
        for node in nodes:
            work.visit(node)
        work.write()
        return PassResult(result, True, {"quantized": work.count})


def _quantizes(node: onnx.NodeProto) -> bool:
    return node.op_type.startswith("QLinear") or node.op_type in ("QuantizeLinear", "DequantizeLinear")


def _keeps(node: onnx.NodeProto) -> bool:
    return node.op_type in KEEPING and attribute(node, "mode") != "cubic"


class _Numbers:
    """The graph in numbers, as far as it has been built."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model, self.version = model, opset(model)
        self.moving, self.types, self.weights = input_dependent(model), element_types(model), Weights(model)
        self.values, self.users = initializers(model), consumers(model)
        self.names: dict[str, str] = {}
        self.nodes: list[onnx.NodeProto] = []
        self.grids: dict[str, _Grid] = {}
        self.ranges: dict[str, tuple[float, float]] = {}
        self.outputs = {value.name for value in model.graph.output}
        self.count = 0

    def visit(self, node: onnx.NodeProto) -> None:
        """Append what a node becomes."""
        node.input[:] = [self.names.get(name, name) for name in node.input]
        if not self.moving.intersection(node.input):
            self._fixed(node)
        elif node.op_type == "QuantizeLinear":
            self._quantize(node)
        elif node.op_type == "DequantizeLinear":
            self._dequantize(node)
        elif not self.grids.keys() & set(node.input):
            self._keep(node)
        elif node.op_type == "Cast":
            self._cast(node)
        elif node.op_type in ("Shape", "Size"):
            self.nodes.append(node)
        elif node.op_type in MOVING:
            self._move(node)
        else:
            raise ModelError(
                f"the network computes in integers ({node.op_type})",
                where=label(node),
                hint="quantize it with QuantizeLinear and DequantizeLinear nodes (QDQ), or give the network it was",
            )

    def write(self) -> None:
        """Put the nodes into the model; where it gives integers they are made last (rule 6)."""
        for value in self.model.graph.output:
            if value.name in self.grids:
                self._integers(value)
        graph = self.model.graph
        del graph.node[:], graph.value_info[:]
        graph.node.extend(self.nodes)
        drop_unused(self.model)

    def _fixed(self, node: onnx.NodeProto) -> None:
        """Rule 5; other nodes that depend on no image stay."""
        made = node.output[0] if node.output else ""
        numbers = self.weights.computed(made) if node.op_type == "DequantizeLinear" else None
        if numbers is None:
            self.nodes.append(node)
            return
        stored = self.weights.source_of(made)
        if stored is not None and len(self.users[stored]) == 1 and made not in self.outputs:
            self.names[made] = stored
        set_initializer(self.model, self.names.get(made, made), numbers.astype(np.float32))

    def _keep(self, node: onnx.NodeProto) -> None:
        self.nodes.append(node)
        if node.op_type == "Relu":
            self.ranges[node.output[0]] = (0.0, np.inf)
        elif _keeps(node):
            self._carry_range(node)

    def _quantize(self, node: onnx.NodeProto) -> None:
        """Rule 3."""
        grid, (source, made) = self._grid(node), (node.input[0], node.output[0])
        self.count += 1
        low, high = grid.bounds
        within = self.ranges.get(source, UNBOUNDED)
        if low <= within[0] and within[1] <= high:
            self._identity(node, source)
            self.ranges[made] = within
        else:
            self.nodes.append(self._clip(node, source, made, low, high))
            self.ranges[made] = max(low, within[0]), min(high, within[1])
        self.grids[made] = grid

    def _dequantize(self, node: onnx.NodeProto) -> None:
        """Rule 4."""
        source, made, wanted = node.input[0], node.output[0], self._grid(node)
        held = self.grids.get(source)
        if held is None:  # integers that the network is given
            number = f"{made}.integers"
            self.nodes.append(helper.make_node("Cast", [source], [number], f"{made}.cast", to=TensorProto.FLOAT))
            self._affine(node, number, made, wanted.scale, -wanted.zero * wanted.scale)
        elif (held.scale, held.zero) == (wanted.scale, wanted.zero):
            self._identity(node, source)
            self.ranges[made] = self.ranges[source]
        else:
            factor = wanted.scale / held.scale
            self._affine(node, source, made, factor, (held.zero - wanted.zero) * wanted.scale)

    def _cast(self, node: onnx.NodeProto) -> None:
        """Integers read as the numbers that they are."""
        grid, kind = self.grids[node.input[0]], int(attribute(node, "to"))
        if kind not in (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE):
            raise ModelError("integers of a quantized network become others", where=label(node))
        self._affine(node, node.input[0], node.output[0], 1 / grid.scale, grid.zero)

    def _move(self, node: onnx.NodeProto) -> None:
        """Rule 2. Concat may join different grids; Pad and the like may bring integers of their own."""
        grids = [self.grids[name] for name in node.input if name in self.grids]
        moved = onnx.NodeProto()
        moved.CopyFrom(node)
        if node.op_type == "Concat":
            self._join(moved, grids[0])
        elif node.op_type == "Pad":
            self._pad(moved, grids[0])
        self.nodes.append(moved)
        for name in node.output:
            self.grids[name] = grids[0]
        if _keeps(node):
            self._carry_range(moved)
        for name in node.output:
            self.ranges.setdefault(name, UNBOUNDED)

    def _join(self, node: onnx.NodeProto, grid: _Grid) -> None:
        for index, name in enumerate(node.input):
            held = self.grids.get(name)
            if held is None:
                raise ModelError("integers are joined with what is not quantized", where=label(node))
            if (held.scale, held.zero) != (grid.scale, grid.zero):
                fitted = f"{node.output[0]}.{index}"
                self._affine(node, name, fitted, grid.scale / held.scale, (held.zero - grid.zero) * grid.scale)
                node.input[index] = fitted

    def _pad(self, node: onnx.NodeProto, grid: _Grid) -> None:
        given = self.values.get(node.input[2]) if len(node.input) > 2 and node.input[2] else np.zeros(())
        if given is None:
            raise ModelError("the value it pads with is computed", where=label(node))
        number = (float(given.reshape(-1)[0]) - grid.zero) * grid.scale
        name = self._hold(f"{node.output[0]}.value", np.float32(number))
        node.input.extend([""] * (3 - len(node.input)))
        node.input[2] = name

    def _carry_range(self, node: onnx.NodeProto) -> None:
        carried = [self.ranges.get(name, UNBOUNDED) for name in node.input if name in self.moving]
        low, high = min(low for low, _ in carried), max(high for _, high in carried)
        for name in node.output:
            self.ranges[name] = (low, high)

    def _integers(self, value: onnx.ValueInfoProto) -> None:
        """Rule 6, for an output."""
        name, grid = value.name, self.grids[value.name]
        inner = f"{name}.numbers"
        for node in self.nodes:
            for names in (node.input, node.output):
                names[:] = [inner if each == name else each for each in names]
        info = np.iinfo(helper.tensor_dtype_to_np_dtype(grid.kind))
        last = helper.make_node("Identity", [inner], [name], name)
        self._affine(last, inner, f"{name}.steps", 1 / grid.scale, grid.zero)
        self.nodes.append(helper.make_node("Round", [f"{name}.steps"], [f"{name}.rounded"], f"{name}.round"))
        bounds = float(info.min), float(info.max)
        self.nodes.append(self._clip(last, f"{name}.rounded", f"{name}.whole", *bounds))
        self.nodes.append(helper.make_node("Cast", [f"{name}.whole"], [name], f"{name}.cast", to=grid.kind))

    def _grid(self, node: onnx.NodeProto) -> _Grid:
        scale = self.values.get(node.input[1])
        zero = self.values.get(node.input[2]) if len(node.input) > 2 and node.input[2] else np.zeros((), np.uint8)
        if scale is None or zero is None:
            raise ModelError("the scale is computed", where=label(node), why="static quantization has constant ones")
        if scale.size != 1 or zero.size != 1 or not float(scale.reshape(-1)[0]) > 0:
            raise ModelError("activations are quantized by channel", where=label(node), hint="quantize them by tensor")
        integers = node.output[0] if node.op_type == "QuantizeLinear" else node.input[0]
        kind = self.types.get(integers, TensorProto.UINT8)
        if kind not in INTEGERS:
            raise ModelError(
                f"activations are quantized to {type_name(kind)}", where=label(node), hint="use 8 or 16 bits"
            )
        return _Grid(float(scale.reshape(-1)[0]), int(zero.reshape(-1)[0]), kind)

    def _affine(self, node: onnx.NodeProto, source: str, made: str, factor: float, term: float) -> None:
        """made = factor * source + term."""
        steps = [(op, value) for op, value, none in (("Mul", factor, 1.0), ("Add", term, 0.0)) if value != none]
        for index, (op, value) in enumerate(steps):
            output = made if index == len(steps) - 1 else f"{made}.scaled"
            constant = self._hold(f"{made}.{op.lower()}", np.float32(value))
            self.nodes.append(helper.make_node(op, [source, constant], [output], f"{made}.{op.lower()}"))
            source = output
        if not steps:
            self.nodes.append(helper.make_node("Identity", [source], [made], node.name))

    def _clip(self, node: onnx.NodeProto, source: str, made: str, low: float, high: float) -> onnx.NodeProto:
        if self.version < 11:
            return helper.make_node("Clip", [source], [made], f"{made}.clip", min=low, max=high)
        names = [self._hold(f"{made}.{end}", np.float32(value)) for end, value in (("low", low), ("high", high))]
        return helper.make_node("Clip", [source, *names], [made], f"{made}.clip")

    def _identity(self, node: onnx.NodeProto, source: str) -> None:
        self.nodes.append(helper.make_node("Identity", [source], [node.output[0]], node.name))

    def _hold(self, name: str, value: np.float32) -> str:
        self.model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(value), name))
        return name
