"""Operations together."""

from __future__ import annotations

import numpy as np

from plans.basics import Random, floats, op, plan, random_act, sparse_arrays
from slsc.passes.lowering.nmp import Act, BinaryKind, Combine, OpType, PlanFile, Spread


def attention(rng: Random) -> PlanFile:
    """Channel attention: a pixel goes through two 1x1 convolutions and scales the image."""
    channels, inner = int(rng.integers(2, 40)), int(rng.integers(1, 5))
    point = (1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1)
    ops = [
        op(OpType.GLOBAL_MEAN, channels),
        op(OpType.CONV, channels, inner, *point, ins=(1, -1), out=2, act=Act.RELU, arrays=(0, -1, -1, -1)),
        op(OpType.CONV, inner, channels, *point, ins=(2, -1), out=3, act=Act.SIGMOID, arrays=(1, -1, -1, -1)),
        op(OpType.BINARY, channels, BinaryKind.MUL, Spread.PIXEL, ins=(0, 3), out=4),
    ]
    return plan(
        [channels, channels, inner, channels, channels],
        ops,
        [floats(rng, inner, channels), floats(rng, channels, inner)],
    )


def network(rng: Random) -> PlanFile:
    """A dozen operations on channels of any earlier values, some results side by side in one value, then a shuffle."""
    values, ops, arrays = [int(rng.integers(4, 9))], [], []

    def some(channels: int) -> tuple[int, int]:
        value = int(rng.choice([index for index, held in enumerate(values) if held >= channels]))
        return value, int(rng.integers(values[value] - channels + 1))

    for _ in range(int(rng.integers(2, 7))):
        parts = [int(rng.integers(1, 5)) for _ in range(int(rng.integers(1, 4)))]
        for index, made in enumerate(parts):
            read = int(rng.integers(1, 5))
            (first, from_channel), (second, other_channel) = some(read), some(made)
            act, f = random_act(rng)
            target = {"out": len(values), "out_channel": sum(parts[:index]), "act": act, "f": f}
            if rng.random() < 0.3:
                first, from_channel = some(made)
                both = {"ins": (first, second), "in_channels": (from_channel, other_channel)}
                ops.append(op(OpType.BINARY, made, BinaryKind.ADD, Spread.SAME, **both, **target))
                continue
            arrays.append(floats(rng, made, read, 3, 3) / np.float32(3 * np.sqrt(read)))
            combine = Combine(int(rng.integers(4)))
            both = {"ins": (first, second if combine else -1), "in_channels": (from_channel, other_channel)}
            geometry = (read, made, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, combine, 1)
            ops.append(op(OpType.CONV, *geometry, **both, **target, arrays=(len(arrays) - 1, -1, -1, -1)))
        values.append(sum(parts))
    last = values[-1]
    arrays.append(floats(rng, 12, last, 1, 1))
    point = (last, 12, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 2)
    ops.append(
        op(OpType.CONV, *point, ins=(len(values) - 1, -1), out=len(values), arrays=(len(arrays) - 1, -1, -1, -1))
    )
    return plan([*values, 3], ops, arrays)


def blocks(rng: Random) -> PlanFile:
    """Residual blocks under a long skip, each with attention by a small image or by one pixel, then a shuffle."""
    channels = int(rng.integers(2, 6))
    values, ops, arrays = [channels], [], []

    def add(made: int, *p: object, kind: OpType = OpType.CONV, **rest: object) -> int:
        values.append(made)
        ops.append(op(kind, *p, out=len(values) - 1, **rest))  # type: ignore[arg-type]
        return len(values) - 1

    def conv(source: int, side: int, stride: int, combine: Combine, other: int, r: int = 1, **rest: object) -> int:
        arrays.append(floats(rng, channels * r * r, channels, side, side) / np.float32(side * np.sqrt(channels)))
        pad = side // 2
        geometry = (channels, channels * r * r, side, side, stride, stride, *[pad] * 4, 1, 1, 1, 0, combine, r)
        return add(channels, *geometry, ins=(source, other), arrays=(len(arrays) - 1, -1, -1, -1), **rest)

    start = x = conv(0, 3, 1, Combine.NONE, -1)
    for _ in range(int(rng.integers(1, 4))):
        x = conv(conv(x, 3, 1, Combine.NONE, -1, act=Act.RELU), 3, 1, Combine.ADD_THEN_ACT, x)
        if rng.random() < 0.5:
            small = conv(x, 3, 2, Combine.NONE, -1)
            small = add(channels, channels, 0, 3, 3, 2, 2, 0, 0, 0, 0, 0, kind=OpType.POOL, ins=(small, -1))
            back = add(channels, channels, 1, 0, 0, 0, 0, kind=OpType.RESIZE, ins=(small, x))
            scale = conv(back, 1, 1, Combine.NONE, -1, act=Act.SIGMOID)
            x = add(channels, channels, BinaryKind.MUL, Spread.SAME, kind=OpType.BINARY, ins=(x, scale))
        elif rng.random() < 0.5:
            mean = add(channels, channels, kind=OpType.GLOBAL_MEAN, ins=(x, -1))
            scale = conv(mean, 1, 1, Combine.NONE, -1, act=Act.SIGMOID)
            x = add(channels, channels, BinaryKind.MUL, Spread.PIXEL, kind=OpType.BINARY, ins=(x, scale))
    x = conv(x, 3, 1, Combine.ACT_THEN_ADD, start)
    conv(x, 3, 1, Combine.NONE, -1, r=2)
    return plan(values, ops, arrays, row_align=4)


def distilling(rng: Random) -> PlanFile:
    """Residual blocks of sparse 3x3 convolutions, beside which 1x1 ones read the same: some to keep, some for a sum."""
    channels, n, m = int(rng.integers(50, 60)), int(rng.integers(1, 4)), 16
    values, ops, arrays = [channels], [], []

    def conv(source: int, made: int, side: int, combine: Combine, other: int) -> int:
        arrays.extend(sparse_arrays(rng, made, channels, (side, side), n, m))
        arrays[-2] /= np.float32(np.sqrt(arrays[-2].size / made))
        pads = [side // 2] * 4
        geometry = (channels, made, side, side, 1, 1, *pads, 1, 1, 1, n, combine, 1)
        act, f = random_act(rng)
        values.append(made)
        places = (len(arrays) - 2, len(arrays) - 1, -1, -1)
        ops.append(op(OpType.CONV, *geometry, ins=(source, other), out=len(values) - 1, act=act, f=f, arrays=places))
        return len(values) - 1

    x, kept, total = 0, [], -1
    for _ in range(int(rng.integers(2, 5))):
        source = x
        if rng.random() < 0.7:
            total = conv(source, 3, 1, Combine.NONE if total < 0 else Combine(int(rng.integers(1, 4))), total)
        if rng.random() < 0.7:
            kept.append(conv(source, 3, 1, Combine.NONE, -1))
        residual = Combine(int(rng.integers(4)))
        x = conv(source, channels, 3, residual, source if residual else -1)
    last = conv(x, 3, 1, Combine.NONE if total < 0 else Combine.ADD_THEN_ACT, total)
    for value in kept:
        values.append(3)
        both = (last, value)
        ops.append(op(OpType.BINARY, 3, BinaryKind.ADD, Spread.SAME, ins=both, out=len(values) - 1))
        last = len(values) - 1
    return plan(values, ops, arrays, m=m)
