"""A slow interpreter of plan files in numpy, after the words of plan.hpp: the oracle of the lowering and of the engine.

Tensors are (channels, height, width) float32; sums are taken in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from slsc.passes.lowering.nmp import PARAMETERS, Act, BinaryKind, Combine, Op, OpType, PlanFile, Spread
from slsc.pattern import group_sizes, kept_in_group

Array = np.ndarray


def interpret(plan: PlanFile, image: Array, capacity: int = 0) -> Array:
    """The output for a (channels, height, width) image; `capacity` as in slsc_set_capacity."""
    values: dict[int, Array] = {plan.input: image.astype(np.float32)}
    for op in plan.ops:
        ins = [_read(values, op, index) for index in (0, 1) if op.ins[index] >= 0]
        if op.type == OpType.RESIZE and op.p[3] == 0:
            ins[1] = values[op.ins[1]]
        made = OPS[op.type](plan, op, ins, capacity).astype(np.float32)
        if op.out not in values:
            values[op.out] = np.full((plan.values[op.out], *made.shape[1:]), np.nan, np.float32)
        target = values[op.out][op.out_channel : op.out_channel + len(made)]
        assert target.shape == made.shape, (op, target.shape, made.shape)
        assert np.isnan(target).all(), f"channels written twice: {op}"
        target[:] = made
    assert np.isfinite(values[plan.output]).all()
    return values[plan.output]


def dense_weight(plan: PlanFile, op: Op, capacity: int = 0) -> Array:
    """The (made, channels / groups, kh, kw) weight of a Conv, its kept values scattered."""
    channels, made, rows, columns, groups, n = *op.p[:4], op.p[12], op.p[13]
    shape = (made, channels // groups, rows, columns)
    values = plan.floats(op.arrays[0])
    if op.arrays[1] < 0:
        return values.reshape(shape)
    positions = np.frombuffer(plan.arrays[op.arrays[1]], np.uint8)
    weight, used = np.zeros(shape, np.float32), np.zeros(shape, bool)
    sizes, at = group_sizes(shape[1], plan.m), 0
    for rank in range(n):
        for k in range(made):
            for row in range(rows):
                for column in range(columns):
                    for group, size in enumerate(sizes):
                        if rank >= kept_in_group(n, plan.m, size):
                            continue
                        place = (k, group * plan.m + int(positions[at]), row, column)
                        assert positions[at] < size and not used[place]
                        used[place] = True
                        if not capacity or rank < kept_in_group(min(capacity, n), plan.m, size):
                            weight[place] = values[at]
                        at += 1
    assert at == len(values) == len(positions)
    return weight


def _read(values: dict[int, Array], op: Op, index: int) -> Array:
    count = op.p[0]
    if index == 1 and op.type == OpType.CONV:
        count = op.p[1]
    if index == 1 and op.type == OpType.BINARY and op.p[2] == Spread.CHANNEL:
        count = 1
    first = op.in_channels[index]
    part = values[op.ins[index]][first : first + count]
    if op.type != OpType.RESIZE or index == 0:
        assert len(part) == count and np.isfinite(part).all(), f"reads what was not written: {op}"
    return part


def _activate(plan: PlanFile, op: Op, x: Array) -> Array:
    low, high = op.f[2], op.f[3]
    if op.act == Act.PRELU:
        slopes = plan.floats(op.arrays[3])[:, None, None]
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


def _conv(plan: PlanFile, op: Op, ins: list[Array], capacity: int) -> Array:
    _, made, kh, kw, sh, sw, top, left, bottom, right, dh, dw, groups, _, combine, shuffle = op.p
    weight = dense_weight(plan, op, capacity).astype(np.float64)
    padded = np.pad(ins[0].astype(np.float64), [(0, 0), (top, bottom), (left, right)])
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
    x = x.reshape(made, height, width)
    if op.arrays[2] >= 0:
        x = x + plan.floats(op.arrays[2])[:, None, None]
    if combine == Combine.ADD_THEN_ACT:
        x = _activate(plan, op, x + ins[1])
    else:
        x = _activate(plan, op, x)
        if combine == Combine.ACT_THEN_ADD:
            x = x + ins[1]
        elif combine == Combine.ACT_THEN_MUL:
            x = x * ins[1]
    return shuffled(x, shuffle)


def _binary(plan: PlanFile, op: Op, ins: list[Array], capacity: int) -> Array:
    a, b = (each.astype(np.float64) for each in ins)
    if op.p[2] == Spread.SAME:
        assert a.shape == b.shape
    elif op.p[2] == Spread.PIXEL:
        assert b.shape == (len(a), 1, 1)
    else:
        assert b.shape == (1, *a.shape[1:])
    functions: dict[int, Callable[[], Array]] = {
        BinaryKind.ADD: lambda: a + b,
        BinaryKind.SUB: lambda: a - b,
        BinaryKind.MUL: lambda: a * b,
        BinaryKind.DIV: lambda: a / b,
        BinaryKind.MAX: lambda: np.maximum(a, b),
        BinaryKind.MIN: lambda: np.minimum(a, b),
        BinaryKind.REV_SUB: lambda: b - a,
        BinaryKind.REV_DIV: lambda: b / a,
    }
    return _activate(plan, op, functions[op.p[1]]())


def _unary(plan: PlanFile, op: Op, ins: list[Array], capacity: int) -> Array:
    x = ins[0].astype(np.float64)
    if op.arrays[0] >= 0:
        x = x * plan.floats(op.arrays[0])[:, None, None]
    if op.arrays[1] >= 0:
        x = x + plan.floats(op.arrays[1])[:, None, None]
    return _activate(plan, op, x)


def _pool(plan: PlanFile, op: Op, ins: list[Array], capacity: int) -> Array:
    _, kind, kh, kw, sh, sw, top, left, bottom, right, ceil = op.p[:11]
    x = ins[0].astype(np.float64)
    height = _windows(x.shape[1], kh, sh, top, bottom, ceil)
    width = _windows(x.shape[2], kw, sw, left, right, ceil)
    made = np.empty((len(x), height, width))
    for row in range(height):
        for column in range(width):
            y, z = row * sh - top, column * sw - left
            inside = x[:, max(y, 0) : y + kh, max(z, 0) : z + kw].reshape(len(x), -1)
            if kind == 0:
                made[:, row, column] = inside.max(axis=1)
            elif kind == 1:
                made[:, row, column] = inside.mean(axis=1)
            else:  # with the padding, but not what ceil_mode adds beyond it
                counted = (min(y + kh, x.shape[1] + bottom) - y) * (min(z + kw, x.shape[2] + right) - z)
                made[:, row, column] = inside.sum(axis=1) / counted
    return made


def _windows(size: int, kernel: int, stride: int, before: int, after: int, ceil: int) -> int:
    room = size + before + after - kernel
    count = (room + (stride - 1 if ceil else 0)) // stride + 1
    return count - 1 if ceil and (count - 1) * stride >= size + before else count


def _resize(plan: PlanFile, op: Op, ins: list[Array], capacity: int) -> Array:
    _, kind, coordinates, up, down, rounding = op.p[:6]
    x = ins[0].astype(np.float64)
    size = ins[1].shape[1:] if up == 0 else tuple(side * up // down for side in x.shape[1:])
    for axis in (0, 1):
        # Fractions: which pixel is nearest must not hang on a rounding error.
        factor = Fraction(size[axis], x.shape[1 + axis]) if up == 0 else Fraction(up, down)
        matrix = np.zeros((size[axis], x.shape[1 + axis]))
        for index in range(size[axis]):
            at = _source(index, size[axis], x.shape[1 + axis], factor, coordinates)
            for place, weight in _taps(at, kind, rounding, op.f[0]):
                matrix[index, min(max(place, 0), x.shape[1 + axis] - 1)] += weight
        x = np.einsum("os,chs->cho" if axis else "os,csw->cow", matrix, x)
    return x


def _source(index: int, size: int, source: int, factor: Fraction, coordinates: int) -> Fraction:
    if coordinates == 3:
        return index / factor
    if coordinates == 2:
        return Fraction(index * (source - 1), size - 1) if size > 1 else Fraction(0)
    if coordinates == 1 and size == 1:
        return Fraction(0)
    half = Fraction(1, 2)
    return (index + half) / factor - half


def _taps(at: Fraction, kind: int, rounding: int, cubic: float) -> list[tuple[int, float]]:
    if kind == 0:
        half = Fraction(1, 2)
        rounds = (lambda v: math.ceil(v - half), math.floor, math.ceil, lambda v: math.floor(v + half))
        return [(rounds[rounding](at), 1.0)]
    first = math.floor(at)
    t = float(at - first)
    if kind == 1:
        return [(first, 1 - t), (first + 1, t)]
    return [(first + k, _cubic(abs(t - k), cubic)) for k in (-1, 0, 1, 2)]


def _cubic(d: float, a: float) -> float:
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a if d < 2 else 0.0


def _pad(plan: PlanFile, op: Op, ins: list[Array], capacity: int) -> Array:
    p = (*op.p, *[0] * PARAMETERS)
    kind, parts = p[1], p[10]
    sizes = ins[0].shape[1:] * 2
    assert not parts or not any(size % parts for size in sizes)
    relative = [size // parts * share if parts else 0 for size, share in zip(sizes, p[6:10], strict=True)]
    top, left, bottom, right = (fixed + part for fixed, part in zip(p[2:6], relative, strict=True))
    grown = [(0, 0), (max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))]
    options = {"constant_values": op.f[0]} if kind == 0 else {}
    x = np.pad(ins[0], grown, mode=("constant", "reflect", "edge")[kind], **options)  # type: ignore[call-overload]
    return x[:, max(-top, 0) : x.shape[1] - max(-bottom, 0), max(-left, 0) : x.shape[2] - max(-right, 0)]


def _space_to_depth(plan: PlanFile, op: Op, ins: list[Array], capacity: int) -> Array:
    r = op.p[1]
    return np.concatenate([ins[0][:, dy::r, dx::r] for dy in range(r) for dx in range(r)])


OPS: dict[OpType, Callable[[PlanFile, Op, list[Array], int], Array]] = {
    OpType.CONV: _conv,
    OpType.BINARY: _binary,
    OpType.UNARY: _unary,
    OpType.POOL: _pool,
    OpType.GLOBAL_MEAN: lambda plan, op, ins, capacity: ins[0].astype(np.float64).mean(axis=(1, 2), keepdims=True),
    OpType.RESIZE: _resize,
    OpType.PAD: _pad,
    OpType.DEPTH_TO_SPACE: lambda plan, op, ins, capacity: shuffled(ins[0], op.p[1]),
    OpType.SPACE_TO_DEPTH: _space_to_depth,
    OpType.CHANNEL_MEAN: lambda plan, op, ins, capacity: ins[0].astype(np.float64).mean(axis=0, keepdims=True),
}
