"""A slow interpreter of plan files in numpy: the oracle of the lowering and of the engine.

It follows the words of docs/reference/plan-file.md. Tensors are (channels, height, width) float32; sums are taken in
float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np

from slsc.passes.lowering import nmp
from slsc.passes.lowering.nmp import ABSENT, DType, Op, PlanFile
from slsc.passes.lowering.nmp_ops import (
    Act,
    Binary,
    BinaryKind,
    ChannelMean,
    Combine,
    Conv,
    Convolution,
    Coordinates,
    DepthToSpace,
    Dequantize,
    GlobalMean,
    HalfConv,
    InstanceNorm,
    IntConv,
    Narrow,
    Pad,
    PadKind,
    Pool,
    PoolKind,
    Quantize,
    Resize,
    ResizeKind,
    Rounding,
    SpaceToDepth,
    Spread,
    Unary,
)
from slsc.pattern import group_sizes, kept_in_group

Array = np.ndarray


def interpret(plan: PlanFile, image: Array, capacity: int = 0) -> Array:
    """The output for a (channels, height, width) image; `capacity` as in slsc_set_capacity."""
    values: dict[int, Array] = {plan.input: image.astype(np.float32)}
    for op in plan.ops:
        ins = [_read(values, op, index) for index in (0, 1) if op.ins[index] >= 0]
        made = _run(plan, op, ins, capacity).astype(np.float32)
        if op.out not in values:
            values[op.out] = np.full((plan.values[op.out], *made.shape[1:]), np.nan, np.float32)
        target = values[op.out][op.out_channel : op.out_channel + len(made)]
        assert target.shape == made.shape, (op, target.shape, made.shape)
        assert np.isnan(target).all(), f"channels written twice: {op}"
        target[:] = made
    assert np.isfinite(values[plan.output]).all()
    return values[plan.output]


def _run(plan: PlanFile, op: Op, ins: list[Array], capacity: int) -> Array:
    match op.params:
        case Conv() as conv:
            return _conv(plan, op, conv, ins, capacity)
        case Binary() as binary:
            return _activate(plan, op, _binary(binary, *ins))
        case Unary() as unary:
            return _activate(plan, op, _unary(plan, unary, ins[0]))
        case Pool() as pool:
            return _pool(pool, ins[0])
        case GlobalMean():
            return ins[0].astype(np.float64).mean(axis=(1, 2), keepdims=True)
        case Resize() as resize:
            return _resize(resize, *ins)
        case Pad() as pad:
            return _pad(pad, ins[0])
        case DepthToSpace() as shuffle:
            return shuffled(ins[0], shuffle.block)
        case SpaceToDepth() as shuffle:
            r = shuffle.block
            return np.concatenate([ins[0][:, dy::r, dx::r] for dy in range(r) for dx in range(r)])
        case ChannelMean():
            return ins[0].astype(np.float64).mean(axis=0, keepdims=True)
        case InstanceNorm() as norm:
            scale, shift = (plan.floats(index)[:, None, None] for index in (norm.scale, norm.shift))
            x = ins[0].astype(np.float64)
            mean, variance = x.mean(axis=(1, 2), keepdims=True), x.var(axis=(1, 2), keepdims=True)
            return scale * (x - mean) / np.sqrt(variance + norm.epsilon) + shift
        case IntConv() as conv:
            return _int_conv(plan, op, conv, ins, capacity)
        case Quantize() as to:
            factors = np.float32(1) if to.factors == ABSENT else plan.floats(to.factors)[:, None, None]
            return quantized(ins[0] * factors, to.scale, to.zero)
        case Dequantize() as of:
            return (ins[0] - np.float32(of.zero)) * np.float32(of.scale)
        case HalfConv() as conv:
            return _half_conv(plan, op, conv, ins, capacity)
        case Narrow():
            return narrowed(ins[0])


def widened(plan: PlanFile, index: int, outputs: Array) -> Array:
    """The numbers of an array as float32; `outputs` is the output channel of each, by which its scale goes."""
    array = plan.arrays[index]
    if array.dtype == DType.BF16:
        return (np.frombuffer(array.data, "<u2").astype(np.uint32) << 16).view(np.float32)
    if array.dtype == DType.I8:
        scale = plan.floats(array.scale)
        return np.frombuffer(array.data, np.int8).astype(np.float32) * (scale if len(scale) == 1 else scale[outputs])
    return plan.floats(index)


def dense_weight(plan: PlanFile, conv: Convolution, capacity: int = 0) -> Array:
    """The (made, channels / groups, kh, kw) weight of a Conv, its kept values scattered."""
    shape = (conv.made, conv.channels // conv.groups, conv.kernel_h, conv.kernel_w)
    if conv.positions == ABSENT:
        outputs = np.repeat(np.arange(conv.made), math.prod(shape[1:]))
        return widened(plan, conv.weights, outputs).reshape(shape)
    positions = np.frombuffer(plan.arrays[conv.positions].data, np.uint8)
    places, kept = _places(plan.m, conv, shape, positions, capacity)
    values = widened(plan, conv.weights, places[0])
    assert len(places[0]) == len(values) == len(positions)
    weight = np.zeros(shape, np.float32)
    weight[places] = np.where(kept, values, 0)
    return weight


def _places(
    m: int, conv: Convolution, shape: tuple[int, ...], positions: Array, capacity: int
) -> tuple[tuple[Array, ...], Array]:
    """Of each stored weight: where it lies in the whole one, and whether it is kept at `capacity`."""
    sizes = group_sizes(shape[1], m)
    places, kept = [], []
    for rank in range(conv.n):
        for k, row, column in np.ndindex(conv.made, conv.kernel_h, conv.kernel_w):
            for group, size in enumerate(sizes):
                if rank >= kept_in_group(conv.n, m, size):
                    continue
                position = int(positions[len(places)])
                assert position < size
                places.append((k, group * m + position, row, column))
                kept.append(not capacity or rank < kept_in_group(min(capacity, conv.n), m, size))
    assert len(set(places)) == len(places)
    return tuple(np.array(places).T), np.array(kept)


def _read(values: dict[int, Array], op: Op, index: int) -> Array:
    count = op.params.channels
    if index == 1 and isinstance(op.params, Resize):  # which only lends its size
        return values[op.ins[1]]
    if index == 1 and isinstance(op.params, Convolution):
        count = op.params.made // op.params.shuffle**2
    if index == 1 and isinstance(op.params, Binary) and op.params.spread == Spread.CHANNEL:
        count = 1
    first = op.in_channels[index]
    part = values[op.ins[index]][first : first + count]
    assert len(part) == count, f"reads channels that are not there: {op}"
    assert np.isfinite(part).all(), f"reads what was not written: {op}"
    return part


def _activate(plan: PlanFile, op: Op, x: Array) -> Array:
    low, high = op.act_a, op.act_b
    if op.act == Act.PRELU:
        slopes = plan.floats(op.slopes)[:, None, None]
        return np.where(x < 0, x * slopes, x)
    functions: dict[Act, Callable[[], Array]] = {
        Act.NONE: lambda: x,
        Act.RELU: lambda: np.maximum(x, 0),
        Act.LEAKY_RELU: lambda: np.where(x < 0, x * low, x),
        Act.CLIP: lambda: np.clip(x, low, high),
        Act.SIGMOID: lambda: 1 / (1 + np.exp(-x)),
        Act.TANH: lambda: np.tanh(x),
        Act.GELU: lambda: 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
        Act.SILU: lambda: x / (1 + np.exp(-x)),
        Act.HARD_SIGMOID: lambda: np.clip(low * x + high, 0, 1),
        Act.HARD_SWISH: lambda: x * np.clip(x / 6 + 0.5, 0, 1),
        Act.SQRT: lambda: np.sqrt(x),
    }
    return functions[op.act]()


def shuffled(x: Array, r: int) -> Array:
    """Channel k to channel k / r^2, row k % r^2 / r, column k % r."""
    channels, height, width = x.shape
    blocks = x.reshape(channels // r**2, r, r, height, width)
    return blocks.transpose(0, 3, 1, 4, 2).reshape(channels // r**2, height * r, width * r)


def unshuffled(x: Array, r: int) -> Array:
    """What `shuffled` makes x of."""
    channels, height, width = x.shape
    blocks = x.reshape(channels, height // r, r, width // r, r)
    return blocks.transpose(0, 2, 4, 1, 3).reshape(channels * r**2, height // r, width // r)


def _conv(plan: PlanFile, op: Op, conv: Conv, ins: list[Array], capacity: int) -> Array:
    x = _sums(conv, ins[0], dense_weight(plan, conv, capacity).astype(np.float64))
    if conv.bias != ABSENT:
        x = x + plan.floats(conv.bias)[:, None, None]
    return _finished(plan, op, conv, x, ins)


def _int_conv(plan: PlanFile, op: Op, conv: IntConv, ins: list[Array], capacity: int) -> Array:
    """In float32 from the sums on, operation by operation, as the engine: the same bits."""
    array = plan.arrays[conv.weights]
    scale = np.float32(conv.in_scale) * np.broadcast_to(plan.floats(array.scale), conv.made)
    ones = replace(plan, arrays=(*plan.arrays, nmp.Array(np.ones(1, "<f4").tobytes())))
    arrays = list(ones.arrays)
    arrays[conv.weights] = array._replace(scale=len(arrays) - 1)
    weight = dense_weight(replace(ones, arrays=tuple(arrays)), conv, capacity).astype(np.float64)
    sums = _sums(conv, ins[0] - np.float32(conv.in_zero), weight)
    assert np.abs(sums).max() < 2**31
    x = sums.astype(np.float32) * scale[:, None, None]
    if conv.bias != ABSENT:
        x = x + plan.floats(conv.bias)[:, None, None]
    if plan.dtype(op.out) == DType.F32:
        return _finished(plan, op, conv, x, ins)
    return quantized(_activate(plan, op, x).astype(np.float32), conv.out_scale, conv.out_zero)


def _half_conv(plan: PlanFile, op: Op, conv: HalfConv, ins: list[Array], capacity: int) -> Array:
    x = _sums(conv, ins[0], dense_weight(plan, conv, capacity))
    if conv.bias != ABSENT:
        x = x + plan.floats(conv.bias)[:, None, None]
    if plan.dtype(op.out) == DType.F32:
        return _finished(plan, op, conv, x, ins)
    return narrowed(_activate(plan, op, x).astype(np.float32))


def narrowed(x: Array) -> Array:
    """The nearest numbers of bfloat16, half to even, in float32."""
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def quantized(x: Array, scale: float, zero: int) -> Array:
    """Numbers as integers of 0..255, in float32."""
    steps = x.astype(np.float32) * (np.float32(1) / np.float32(scale))
    return np.rint(np.clip(steps, -zero, 255 - zero)) + np.float32(zero)


def _sums(conv: Convolution, image: Array, weight: Array) -> Array:
    kh, kw, sh, sw, dh, dw = (
        conv.kernel_h,
        conv.kernel_w,
        conv.stride_h,
        conv.stride_w,
        conv.dilation_h,
        conv.dilation_w,
    )
    padding = [(0, 0), (conv.pad_top, conv.pad_bottom), (conv.pad_left, conv.pad_right)]
    padded = np.pad(image.astype(np.float64), padding)
    made, groups = len(weight), conv.groups
    height, width = (padded.shape[1] - dh * (kh - 1) - 1) // sh + 1, (padded.shape[2] - dw * (kw - 1) - 1) // sw + 1
    grouped = padded.reshape(groups, -1, *padded.shape[1:])
    parts = weight.reshape(groups, made // groups, -1, kh, kw)
    x = np.zeros((groups, made // groups, height, width))
    for row in range(kh):
        for column in range(kw):
            window = grouped[:, :, row * dh :, column * dw :][
                :, :, : (height - 1) * sh + 1 : sh, : (width - 1) * sw + 1 : sw
            ]
            x += np.einsum("gkc,gchw->gkhw", parts[..., row, column], window, optimize=True)
    return x.reshape(made, height, width)


def _finished(plan: PlanFile, op: Op, conv: Convolution, x: Array, ins: list[Array]) -> Array:
    """Sums activated, combined with the second input, and shuffled."""
    other = unshuffled(ins[1], conv.shuffle) if len(ins) == 2 else np.float64(0)
    if conv.combine == Combine.ADD_THEN_ACT:
        x = _activate(plan, op, x + other)
    elif conv.combine == Combine.ADD_TIMES_GATE:
        x = (x + other) * (_activate(plan, op, x) + op.act_b)
    else:
        x = _activate(plan, op, x)
        if conv.combine == Combine.ACT_THEN_ADD:
            x = x + other
        elif conv.combine == Combine.ACT_THEN_MUL:
            x = x * other
    return shuffled(x, conv.shuffle)


def _binary(binary: Binary, in0: Array, in1: Array) -> Array:
    a, b = in0.astype(np.float64), in1.astype(np.float64)
    shapes = {Spread.SAME: a.shape, Spread.PIXEL: (len(a), 1, 1), Spread.CHANNEL: (1, *a.shape[1:])}
    assert b.shape == shapes[binary.spread]
    functions: dict[BinaryKind, Callable[[], Array]] = {
        BinaryKind.ADD: lambda: a + b,
        BinaryKind.SUB: lambda: a - b,
        BinaryKind.MUL: lambda: a * b,
        BinaryKind.DIV: lambda: a / b,
        BinaryKind.MAX: lambda: np.maximum(a, b),
        BinaryKind.MIN: lambda: np.minimum(a, b),
        BinaryKind.REV_SUB: lambda: b - a,
        BinaryKind.REV_DIV: lambda: b / a,
    }
    return functions[binary.kind]()


def _unary(plan: PlanFile, unary: Unary, in0: Array) -> Array:
    x = in0.astype(np.float64)
    if unary.scale != ABSENT:
        x = x * plan.floats(unary.scale)[:, None, None]
    if unary.shift != ABSENT:
        x = x + plan.floats(unary.shift)[:, None, None]
    return x


def _pool(pool: Pool, in0: Array) -> Array:
    kh, kw, sh, sw = pool.kernel_h, pool.kernel_w, pool.stride_h, pool.stride_w
    x = in0.astype(np.float64)
    height = _windows(x.shape[1], kh, sh, pool.pad_top, pool.pad_bottom, pool.ceil_mode)
    width = _windows(x.shape[2], kw, sw, pool.pad_left, pool.pad_right, pool.ceil_mode)
    made = np.empty((len(x), height, width))
    for row in range(height):
        for column in range(width):
            y, z = row * sh - pool.pad_top, column * sw - pool.pad_left
            inside = x[:, max(y, 0) : y + kh, max(z, 0) : z + kw].reshape(len(x), -1)
            if pool.kind == PoolKind.MAX:
                made[:, row, column] = inside.max(axis=1)
            elif pool.kind == PoolKind.AVERAGE:
                made[:, row, column] = inside.mean(axis=1)
            else:  # with the padding, but not what ceil_mode adds beyond it
                rows = min(y + kh, x.shape[1] + pool.pad_bottom) - y
                columns = min(z + kw, x.shape[2] + pool.pad_right) - z
                made[:, row, column] = inside.sum(axis=1) / (rows * columns)
    return made


def _windows(size: int, kernel: int, stride: int, before: int, after: int, ceil: int) -> int:
    room = size + before + after - kernel
    count = (room + (stride - 1 if ceil else 0)) // stride + 1
    return count - 1 if ceil and (count - 1) * stride >= size + before else count


def _resize(resize: Resize, in0: Array, like: Array | None = None) -> Array:
    x = in0.astype(np.float64)
    up, down = resize.numerator, resize.denominator
    size = tuple(side * up // down for side in x.shape[1:]) if like is None else like.shape[1:]
    for axis in (0, 1):
        # Fractions: which pixel is nearest must not hang on a rounding error.
        factor = Fraction(up, down) if like is None else Fraction(size[axis], x.shape[1 + axis])
        matrix = np.zeros((size[axis], x.shape[1 + axis]))
        for index in range(size[axis]):
            at = _source(index, size[axis], x.shape[1 + axis], factor, resize.coordinates)
            for place, weight in _taps(at, resize):
                matrix[index, min(max(place, 0), x.shape[1 + axis] - 1)] += weight
        x = np.einsum("os,chs->cho" if axis else "os,csw->cow", matrix, x)
    return x


def _source(index: int, size: int, source: int, factor: Fraction, coordinates: Coordinates) -> Fraction:
    if coordinates == Coordinates.ASYMMETRIC:
        return index / factor
    if coordinates == Coordinates.ALIGN_CORNERS:
        return Fraction(index * (source - 1), size - 1) if size > 1 else Fraction(0)
    if coordinates == Coordinates.PYTORCH_HALF_PIXEL and size == 1:
        return Fraction(0)
    half = Fraction(1, 2)
    return (index + half) / factor - half


def _taps(at: Fraction, resize: Resize) -> list[tuple[int, float]]:
    if resize.kind == ResizeKind.NEAREST:
        half = Fraction(1, 2)
        rounds: dict[Rounding, Callable[[Fraction], int]] = {
            Rounding.PREFER_FLOOR: lambda v: math.ceil(v - half),
            Rounding.FLOOR: math.floor,
            Rounding.CEIL: math.ceil,
            Rounding.PREFER_CEIL: lambda v: math.floor(v + half),
        }
        return [(rounds[resize.rounding](at), 1.0)]
    first = math.floor(at)
    t = float(at - first)
    if resize.kind == ResizeKind.LINEAR:
        return [(first, 1 - t), (first + 1, t)]
    return [(first + k, _cubic(abs(t - k), resize.cubic)) for k in (-1, 0, 1, 2)]


def _cubic(d: float, a: float) -> float:
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a if d < 2 else 0.0


def _pad(pad: Pad, x: Array) -> Array:
    _, height, width = x.shape
    assert not pad.parts or (height % pad.parts, width % pad.parts) == (0, 0)
    of_rows, of_columns = (height // pad.parts, width // pad.parts) if pad.parts else (0, 0)
    top, bottom = pad.top + pad.share_top * of_rows, pad.bottom + pad.share_bottom * of_rows
    left, right = pad.left + pad.share_left * of_columns, pad.right + pad.share_right * of_columns
    grown = [(0, 0), (max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))]
    modes = {PadKind.CONSTANT: "constant", PadKind.REFLECT: "reflect", PadKind.EDGE: "edge"}
    options = {"constant_values": pad.value} if pad.kind == PadKind.CONSTANT else {}
    x = np.pad(x, grown, mode=modes[pad.kind], **options)  # type: ignore[call-overload]
    return x[:, max(-top, 0) : x.shape[1] - max(-bottom, 0), max(-left, 0) : x.shape[2] - max(-right, 0)]
