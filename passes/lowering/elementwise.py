"""Arithmetic of two tensors, or of a tensor and constants."""

from __future__ import annotations

from functools import partial

import numpy as np
import onnx

from slsc.passes.graph import label
from slsc.passes.lowering.activation import FLOAT_MAX
from slsc.passes.lowering.builder import Builder, Lower
from slsc.passes.lowering.nmp import Act, BinaryKind, Spread
from slsc.passes.lowering.refusal import refuse
from slsc.passes.lowering.steps import Activation, Array, Binary, Space

KINDS = {
    "Add": BinaryKind.ADD,
    "Sum": BinaryKind.ADD,
    "Sub": BinaryKind.SUB,
    "Mul": BinaryKind.MUL,
    "Div": BinaryKind.DIV,
    "Max": BinaryKind.MAX,
    "Min": BinaryKind.MIN,
}

SWAPPED = {BinaryKind.SUB: BinaryKind.REV_SUB, BinaryKind.DIV: BinaryKind.REV_DIV}
"""The operation that takes its inputs the other way round; the others are commutative."""


def arithmetic(node: onnx.NodeProto, build: Builder) -> None:
    """Add, Sub, Mul, Div, Max, Min, Sum of two or more inputs."""
    kind = KINDS[node.op_type]
    moving = [index for index, name in enumerate(node.input) if name in build.facts.moving]
    constants = [index for index in range(len(node.input)) if index not in moving]
    if len(moving) == 1 and len(constants) == 1:
        _with_constant(node, build, kind, moving[0], constants[0])
        return
    if constants:
        raise refuse(node, "it mixes tensors and constants")
    held = build.find(node, 0)
    for index in range(1, len(node.input)):
        last = index == len(node.input) - 1
        output = node.output[0] if last else f"{node.output[0]}.{index}"
        held = _of_two(node, build, kind, (held, build.find(node, index)), output)
    if len(node.input) == 1:
        build.same(node.output[0], held)


def power(node: onnx.NodeProto, build: Builder) -> None:
    """Pow to a constant 1/2, 1, 2 or 3."""
    source, exponent = build.find(node, 0), build.facts.constant(node.input[1])
    value = float(exponent.reshape(-1)[0]) if exponent is not None and exponent.size == 1 else None
    multiply = partial(Binary, label=label(node), kind=BinaryKind.MUL, spread=Spread.SAME)
    output = node.output[0]
    if value == 0.5:
        build.unary(node, source, act=Activation(Act.SQRT))
    elif value == 1:
        build.same(output, source)
    elif value == 2:
        build.add(multiply(inputs=(source, source), output=output))
    elif value == 3:
        square = build.add(multiply(inputs=(source, source), output=f"{output}.square"))
        build.add(multiply(inputs=(square, source), output=output))
    else:
        raise refuse(node, f"the exponent is {value if value is not None else 'no single number'}, not 1/2, 1, 2 or 3")


def negate(node: onnx.NodeProto, build: Builder) -> None:
    """Neg(x) = -1 * x."""
    source = build.find(node, 0)
    build.unary(node, source, scale=np.full(build.space(source).channels, -1, np.float32))


def batch_norm(node: onnx.NodeProto, build: Builder) -> None:
    """A BatchNormalization that no convolution could take in: scale and shift."""
    source = build.find(node, 0)
    parameters = [build.facts.constant(name) for name in node.input[1:5]]
    if any(parameter is None for parameter in parameters):
        raise refuse(node, "its parameters are computed")
    if len(node.output) > 1 and any(node.output[1:]):
        raise refuse(node, "it is in training mode")
    gamma, beta, mean, var = (np.asarray(parameter, np.float64) for parameter in parameters)
    epsilon = next((attr.f for attr in node.attribute if attr.name == "epsilon"), 1e-5)
    scale = gamma / np.sqrt(var + epsilon)
    build.unary(node, source, scale=scale.astype(np.float32), shift=(beta - mean * scale).astype(np.float32))


def spread_of(node: onnx.NodeProto, wide: Space, narrow: Space) -> Spread | None:
    """How `narrow` spreads over `wide`; None when it does not.

    Raises:
        LoweringRefusal: as ONNX it does, but not in the engine.
    """
    if wide.pixel == narrow.pixel and wide.channels == narrow.channels:
        return Spread.SAME
    if narrow.pixel and not wide.pixel and wide.channels == narrow.channels:
        return Spread.PIXEL
    if wide.pixel == narrow.pixel and narrow.channels == 1:
        return Spread.CHANNEL
    if narrow.pixel and narrow.channels == 1:
        raise refuse(node, "one number, computed from the image, is spread over channels and pixels")
    return None


def per_channel(node: onnx.NodeProto, build: Builder, moving: int, constant: int) -> Array:
    """Input `constant` as one float64 number per channel of input `moving`."""
    name = node.input[constant]
    value = build.facts.constant(name)
    if value is None:
        raise refuse(node, f"its input {name!r} depends on the size of the image")
    channels, rank = build.space(build.find(node, moving)).channels, build.facts.rank(node.input[moving])
    if value.size == 1 and value.ndim <= rank:
        return np.full(channels, value.reshape(-1)[0], np.float64)
    shape = (1,) * (rank - value.ndim) + value.shape
    if value.ndim > rank or shape[0] != 1 or any(side != 1 for side in shape[2:]) or shape[1] != channels:
        raise refuse(node, f"a constant of shape {list(value.shape)} is not one number per channel")
    return value.astype(np.float64).reshape(-1)


def _with_constant(node: onnx.NodeProto, build: Builder, kind: BinaryKind, moving: int, constant: int) -> None:
    source = build.find(node, moving)
    value = per_channel(node, build, moving, constant)
    reverse = constant == 0
    ones = np.ones_like(value)
    if kind == BinaryKind.ADD:
        scale, shift = ones, value
    elif kind == BinaryKind.SUB:
        scale, shift = (-ones, value) if reverse else (ones, -value)
    elif kind == BinaryKind.MUL:
        scale, shift = value, 0 * value
    elif kind == BinaryKind.DIV and not reverse and np.all(value):
        scale, shift = 1 / value, 0 * value
    elif kind in (BinaryKind.MAX, BinaryKind.MIN) and np.ptp(value) == 0:
        bounds = (float(value[0]), FLOAT_MAX) if kind == BinaryKind.MAX else (-FLOAT_MAX, float(value[0]))
        build.unary(node, source, act=Activation(Act.CLIP, *bounds))
        return
    else:
        raise refuse(node, f"{node.op_type} with this constant is not known")
    build.unary(node, source, scale=scale.astype(np.float32), shift=shift.astype(np.float32))


def _of_two(node: onnx.NodeProto, build: Builder, kind: BinaryKind, inputs: tuple[str, str], output: str) -> str:
    first, second = (build.space(name) for name in inputs)
    spread = spread_of(node, first, second)
    if spread is None:
        spread, kind, inputs = spread_of(node, second, first), SWAPPED.get(kind, kind), (inputs[1], inputs[0])
    if spread is None or not _aligned(build, node, places=first.pixel == second.pixel):
        raise refuse(node, "its inputs are broadcast in a way that is not known")
    return build.add(Binary(label=label(node), inputs=inputs, output=output, kind=kind, spread=spread))


def _aligned(build: Builder, node: onnx.NodeProto, *, places: bool) -> bool:
    """Whether all inputs have the output's number of axes, and where `places` is set its height and width."""
    facts, output = build.facts, node.output[0]
    if any(facts.rank(name) != facts.rank(output) for name in node.input):
        return False
    return not places or all(facts.hw(name) == facts.hw(output) for name in node.input)


OPERATORS: dict[str, Lower] = {
    **dict.fromkeys(KINDS, arithmetic),
    "BatchNormalization": batch_norm,
    "Neg": negate,
    "Pow": power,
}
