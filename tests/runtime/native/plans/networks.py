"""Operations together."""

from __future__ import annotations

from typing import Any

import numpy as np

from plans.basics import Array, Random, floats, op, plan, random_act, sparse_arrays
from slsc.passes.lowering.nmp import Act, BinaryKind, Combine, Op, OpType, PlanFile, Spread


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


class Sketch:
    """A plan of sparse convolutions being drawn: the image is value 0.

    Args:
        channels: of the image.
        n, m: kept of every m weights.
    """

    def __init__(self, rng: Random, channels: int, n: int, m: int = 16) -> None:
        self.rng, self.n, self.m = rng, n, m
        self.values: list[int] = [channels]
        self.ops: list[Op] = []
        self.arrays: list[Array] = []

    def value(self, channels: int) -> int:
        """A new one."""
        self.values.append(channels)
        return len(self.values) - 1

    def conv(self, source: int, made: int, side: int, out: int, channel: int = 0, **rest: Any) -> int:
        """From all of `source` to channels from `channel` on of `out`; combine: how, other: with what; pads."""
        channels, combine, other = self.values[source], rest.pop("combine", Combine.NONE), rest.pop("other", -1)
        self.arrays.extend(sparse_arrays(self.rng, made, channels, (side, side), self.n, self.m))
        self.arrays[-2] /= np.float32(np.sqrt(self.arrays[-2].size / made))
        geometry = (channels, made, side, side, 1, 1, *rest.pop("pads", [side // 2] * 4), 1, 1, 1, self.n, combine, 1)
        ins = (source, other if combine else -1)
        arrays = (len(self.arrays) - 2, len(self.arrays) - 1, -1, -1)
        self.ops.append(op(OpType.CONV, *geometry, ins=ins, out=out, out_channel=channel, arrays=arrays, **rest))
        return out

    def add(self, one: int, other: int, out: int, other_channel: int = 0) -> int:
        """The sum of `one` and channels of `other`."""
        both = {"ins": (one, other), "in_channels": (0, other_channel), "out": out}
        self.ops.append(op(OpType.BINARY, self.values[one], BinaryKind.ADD, Spread.SAME, **both))  # type: ignore[arg-type]
        return out

    def plan(self) -> PlanFile:
        """To the last value."""
        return plan(self.values, self.ops, self.arrays, m=self.m)


def distilling(rng: Random) -> PlanFile:
    """Residual blocks of 3x3 convolutions, beside which 1x1 ones read the same: some to keep, some for a sum."""
    sketch = Sketch(rng, int(rng.integers(50, 60)), int(rng.integers(1, 4)))
    x, total, channels, kept = 0, -1, sketch.values[0], []

    def some_act() -> dict[str, Any]:
        act, f = random_act(rng)
        return {"act": act, "f": f}

    for _ in range(int(rng.integers(2, 5))):
        source = x
        if rng.random() < 0.3:  # lies behind what the others read
            total = sketch.conv(source, 3, 5, sketch.value(3))
        if rng.random() < 0.6:
            combine = Combine.NONE if total < 0 else Combine(int(rng.integers(1, 4)))
            total = sketch.conv(source, 3, 1, sketch.value(3), combine=combine, other=total, **some_act())
        if rng.random() < 0.6:  # not in the place of the sum so far, which nothing else reads
            kept.append(sketch.value(6))
            sketch.conv(source, 3, 1, kept[-1], **some_act())
            combine = Combine.NONE if total < 0 else Combine.ADD_THEN_ACT
            sketch.conv(source, 3, 1, kept[-1], 3, combine=combine, other=total)
            total = -1
        residual, other = Combine(int(rng.integers(4))), source
        if residual and rng.random() < 0.5:  # a shortcut
            other = sketch.conv(source, channels, 1, sketch.value(channels))
        x = sketch.conv(source, channels, 3, sketch.value(channels), combine=residual, other=other, **some_act())
    last = sketch.conv(x, 3, 1, sketch.value(3), combine=Combine(int(total >= 0)), other=total)
    for value in kept:
        for channel in (0, 3):
            last = sketch.add(last, value, sketch.value(3), channel)
    return sketch.plan()
