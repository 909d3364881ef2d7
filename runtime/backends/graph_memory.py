"""How much a network's values take at least, found in its ONNX file: what a bundle says of it is not to be trusted.

Sizes are per pixel of the image. Most operators keep them, or change them by a factor that weights and attributes tell;
what `_made` does not know it takes for elementwise.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod

from slsc.runtime.backends.protobuf import fields, integers

FLOAT32_BYTES = 4
FLOAT, INT64 = 1, 7
FEW_BYTES = 64
"""Constants up to this size are read: scales, sizes of parts."""

CONSTANT_OPS = ("Cast", "DequantizeLinear", "QuantizeLinear", "Identity", "Transpose")
"""What weights go through, and keep their size."""

MEANS = ("Shape", "Size", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceMax", "ReduceSum", "ReduceMin")
PARTS = ("Slice", "Gather")
ARRANGEMENTS = ("Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze")

Message = memoryview


@dataclass
class Tensor:
    """Dimensions of a constant, and its values where they are few."""

    dims: list[int] = field(default_factory=list)
    floats: tuple[float, ...] = ()
    integers: tuple[int, ...] = ()


@dataclass
class Node:
    """An operator, the names of its inputs and outputs, and its attributes that are integers or constants."""

    op: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    integers: dict[str, list[int]] = field(default_factory=dict)
    constant: Tensor | None = None


@dataclass(frozen=True)
class Size:
    """Per pixel of the image: elements (0 where not known), and positions (None where not known) times channels."""

    elements: float
    positions: float | None


def least_bytes_per_pixel(model: bytes) -> float:
    """A lower bound of the peak bytes of live values, float32, nodes run in order; the twin of compile's liveness.

    Raises:
        ValueError: this is no ONNX file.
    """
    graph = next((value for number, value in fields(memoryview(model)) if number == 7), b"")
    constants: dict[str, Tensor] = {}
    nodes: list[Node] = []
    inputs: list[tuple[str, int]] = []
    for number, value in fields(memoryview(graph) if isinstance(graph, bytes) else _message(graph)):
        if number == 1:
            nodes.append(_node(_message(value)))
        elif number == 5:
            name, tensor = _tensor(_message(value))
            constants[name] = tensor
        elif number == 11:
            inputs.append(_input(_message(value)))
    sizes = {name: Size(channels, 1.0) for name, channels in inputs if name not in constants}
    return FLOAT32_BYTES * _peak(nodes, constants, sizes)


def _peak(nodes: list[Node], constants: dict[str, Tensor], sizes: dict[str, Size]) -> float:
    """Elements of all live values at their peak; names are those of the image at first, of all values in the end."""
    last_use = {name: index for index, node in enumerate(nodes) for name in node.inputs}
    live = {name: size.elements for name, size in sizes.items()}
    peak = total = sum(live.values())
    for index, node in enumerate(nodes):
        given = [sizes[name] for name in node.inputs if name in sizes]
        if not given:
            _fold(node, constants)
            continue
        made = _made(node, given, [constants.get(name) for name in node.inputs])
        for name, share in zip(node.outputs, _shares(node, constants), strict=True):
            sizes[name] = Size(made.elements * share, made.positions)
            total += sizes[name].elements - live.get(name, 0)
            live[name] = sizes[name].elements
        peak = max(peak, total)
        total -= sum(live.pop(name, 0) for name in node.inputs if last_use[name] == index)
    return peak


def _fold(node: Node, constants: dict[str, Tensor]) -> None:
    """A node that is given constants only: what it makes is constant, too."""
    if node.op == "Constant" and node.constant:
        constants.update(dict.fromkeys(node.outputs, node.constant))
    elif node.op in CONSTANT_OPS and node.inputs and node.inputs[0] in constants:
        constants.update(dict.fromkeys(node.outputs, constants[node.inputs[0]]))


def _made(node: Node, given: list[Size], constants: list[Tensor | None]) -> Size:
    """The size of the output, or of all parts of a Split."""
    largest = max(given, key=lambda size: size.elements)
    weights: list[int] = next((constant.dims for constant in constants if constant and len(constant.dims) >= 2), [])
    stride = prod(node.integers.get("strides", [1]))
    if node.op in ("Conv", "ConvTranspose") and len(weights) >= 3 and all(weights):
        return _convolved(node, given[0], weights, stride)
    if node.op in ("MaxPool", "AveragePool"):
        return _scaled(largest, 1 / max(1, stride))
    if node.op in ("Resize", "Upsample"):
        scales = next((constant.floats for constant in reversed(constants) if constant and constant.floats), (1.0,))
        return _scaled(largest, max(0.0, prod(scales)))
    if node.op in ("DepthToSpace", "SpaceToDepth"):
        block = max(1, prod(node.integers.get("blocksize", [1]))) ** 2
        factor = block if node.op == "DepthToSpace" else 1 / block
        return Size(largest.elements, None if largest.positions is None else largest.positions * factor)
    if node.op == "Concat":
        return Size(sum(size.elements for size in given), largest.positions)
    if node.op in PARTS:
        return Size(0, largest.positions)
    if node.op in MEANS:
        return Size(0, 0)
    if node.op in ("MatMul", "Gemm") and weights and weights[-2]:
        return Size(largest.elements * weights[-1] / weights[-2], None)
    return Size(largest.elements, None) if node.op in ARRANGEMENTS else largest


def _shares(node: Node, constants: dict[str, Tensor]) -> list[float]:
    """What each output has of what the node makes: all, or its part of a Split."""
    count = len(node.outputs)
    if node.op != "Split":
        return [1.0] * count
    given = constants.get(node.inputs[1]) if len(node.inputs) > 1 else None
    parts = list(given.integers) if given else node.integers.get("split", [])
    if len(parts) != count or min(parts) < 0 or not sum(parts):
        return [1 / count] * count
    return [part / sum(parts) for part in parts]


def _convolved(node: Node, given: Size, weights: list[int], stride: int) -> Size:
    group = max(1, prod(node.integers.get("group", [1])))
    turned = node.op == "ConvTranspose"
    taken, made = (weights[0], weights[1] * group) if turned else (weights[1] * group, weights[0])
    positions = given.elements / taken if given.positions is None else given.positions
    positions *= stride if turned else 1 / max(1, stride)
    return Size(positions * made, positions)


def _scaled(size: Size, factor: float) -> Size:
    return Size(size.elements * factor, None if size.positions is None else size.positions * factor)


def _message(value: int | Message) -> Message:
    if isinstance(value, int):
        raise ValueError("a number in place of a message")
    return value


def _text(value: int | Message) -> str:
    return bytes(_message(value)).decode(errors="replace")


def _node(message: Message) -> Node:
    node = Node()
    for number, value in fields(message):
        if number == 1:
            node.inputs.append(_text(value))
        elif number == 2:
            node.outputs.append(_text(value))
        elif number == 4:
            node.op = _text(value)
        elif number == 5:
            _attribute(_message(value), node)
    return node


def _attribute(message: Message, node: Node) -> None:
    name = ""
    found: list[int] = []
    for number, value in fields(message):
        if number == 1:
            name = _text(value)
        elif number in (3, 8):
            found.extend(integers(value))
        elif number == 5:
            node.constant = _tensor(_message(value))[1]
    if found:
        node.integers[name] = found


def _tensor(message: Message) -> tuple[str, Tensor]:
    name, kind, tensor, data = "", 0, Tensor(), b""
    for number, value in fields(message):
        if number == 1:
            tensor.dims.extend(integers(value))
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number == 8:
            name = _text(value)
        elif number == 7:
            tensor.integers += tuple(integers(value))
        elif number in (4, 9) and not isinstance(value, int) and len(value) <= FEW_BYTES:
            data += bytes(value)
    if kind == FLOAT and len(data) % FLOAT32_BYTES == 0:
        tensor.floats = struct.unpack(f"<{len(data) // FLOAT32_BYTES}f", data)
    if kind == INT64 and data and len(data) % 8 == 0:
        tensor.integers = struct.unpack(f"<{len(data) // 8}q", data)
    return name, tensor


def _input(message: Message) -> tuple[str, int]:
    """Name and channels of an input: the second of its dimensions, 1 where it is free."""
    name, dims = "", []
    for number, value in fields(message):
        if number == 1:
            name = _text(value)
        elif number == 2:
            dims = [next((size for kind, size in _inside(dim) if kind == 1), 0) for dim in _dims(_message(value))]
    channels = dims[1] if len(dims) > 1 and isinstance(dims[1], int) else 0
    return name, max(1, channels)


def _dims(message: Message) -> Iterator[Message]:
    """The dimensions of a value's type: those of the shape of its tensor type."""
    for tensor in (value for number, value in fields(message) if number == 1):
        for shape in (value for number, value in _inside(tensor) if number == 2):
            yield from (_message(value) for number, value in _inside(shape) if number == 1)


def _inside(value: int | Message) -> Iterator[tuple[int, int | Message]]:
    return fields(_message(value))
