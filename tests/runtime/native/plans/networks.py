"""Operations together."""

from __future__ import annotations

from typing import Any

import numpy as np

from plans.basics import Array, Random, conv, floats, plan, random_act, sparse_arrays
from slsc.passes.lowering.nmp import (
    ABSENT,
    Act,
    Binary,
    BinaryKind,
    Combine,
    Coordinates,
    GlobalMean,
    Op,
    Params,
    PlanFile,
    Pool,
    PoolKind,
    Resize,
    ResizeKind,
    Rounding,
    Spread,
)


def attention(rng: Random) -> PlanFile:
    """Channel attention: a pixel goes through two 1x1 convolutions and scales the image."""
    channels, inner = int(rng.integers(2, 40)), int(rng.integers(1, 5))
    ops = [
        Op(GlobalMean(channels)),
        Op(conv(channels, inner, (1, 1)), ins=(1, ABSENT), out=2, act=Act.RELU),
        Op(conv(inner, channels, (1, 1), weights=1), ins=(2, ABSENT), out=3, act=Act.SIGMOID),
        Op(Binary(channels, BinaryKind.MUL, Spread.PIXEL), ins=(0, 3), out=4),
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
            target = {"out": len(values), "out_channel": sum(parts[:index]), **random_act(rng)}
            if rng.random() < 0.3:
                first, from_channel = some(made)
                both = {"ins": (first, second), "in_channels": (from_channel, other_channel)}
                ops.append(Op(Binary(made, BinaryKind.ADD, Spread.SAME), **both, **target))  # type: ignore[arg-type]
                continue
            arrays.append(floats(rng, made, read, 3, 3) / np.float32(3 * np.sqrt(read)))
            combine = Combine(int(rng.integers(4)))
            both = {"ins": (first, second if combine else ABSENT), "in_channels": (from_channel, other_channel)}
            params = conv(read, made, combine=combine, weights=len(arrays) - 1)
            ops.append(Op(params, **both, **target))  # type: ignore[arg-type]
        values.append(sum(parts))
    arrays.append(floats(rng, 12, values[-1], 1, 1))
    last = conv(values[-1], 12, (1, 1), shuffle=2, weights=len(arrays) - 1)
    ops.append(Op(last, ins=(len(values) - 1, ABSENT), out=len(values)))
    return plan([*values, 3], ops, arrays)


def blocks(rng: Random) -> PlanFile:
    """Residual blocks under a long skip, each with attention by a small image or by one pixel, then a shuffle."""
    channels = int(rng.integers(2, 6))
    values, ops, arrays = [channels], [], []

    def add(params: Params, *ins: int, act: Act = Act.NONE) -> int:
        values.append(channels)
        ops.append(Op(params, ins=(*ins, ABSENT)[:2], out=len(values) - 1, act=act))  # type: ignore[arg-type]
        return len(values) - 1

    def convolve(source: int, side: int, other: int = ABSENT, **rest: Any) -> int:
        r, act = rest.get("shuffle", 1), rest.pop("act", Act.NONE)
        arrays.append(floats(rng, channels * r * r, channels, side, side) / np.float32(side * np.sqrt(channels)))
        params = conv(channels, channels * r * r, (side, side), weights=len(arrays) - 1, **rest)
        return add(params, source, other, act=act)

    def scaled(source: int, scale: int, spread: Spread) -> int:
        return add(Binary(channels, BinaryKind.MUL, spread), source, convolve(scale, 1, act=Act.SIGMOID))

    start = x = convolve(0, 3)
    for _ in range(int(rng.integers(1, 4))):
        x = convolve(convolve(x, 3, act=Act.RELU), 3, x, combine=Combine.ADD_THEN_ACT)
        if rng.random() < 0.5:
            small = convolve(x, 3, strides=(2, 2))
            small = add(Pool(channels, PoolKind.MAX, 3, 3, 2, 2, 0, 0, 0, 0, 0), small)
            to_size = Resize(channels, ResizeKind.LINEAR, Coordinates.HALF_PIXEL, 0, 0, Rounding.PREFER_FLOOR, 0.0)
            x = scaled(x, add(to_size, small, x), Spread.SAME)
        elif rng.random() < 0.5:
            x = scaled(x, add(GlobalMean(channels), x), Spread.PIXEL)
    x = convolve(x, 3, start, combine=Combine.ACT_THEN_ADD)
    convolve(x, 3, shuffle=2)
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

    def conv(
        self,
        source: int,
        made: int,
        side: int,
        out: int,
        channel: int = 0,
        *,
        combine: Combine = Combine.NONE,
        other: int = ABSENT,
        pads: tuple[int, int, int, int] | None = None,
        **act: Any,
    ) -> int:
        """From all of `source` to channels from `channel` on of `out`; combine: how, other: with what."""
        channels, weights = self.values[source], len(self.arrays)
        self.arrays.extend(sparse_arrays(self.rng, made, channels, (side, side), self.n, self.m))
        self.arrays[weights] /= np.float32(np.sqrt(self.arrays[weights].size / made))
        params = conv(
            channels, made, (side, side), pads=pads, n=self.n, combine=combine, weights=weights, positions=weights + 1
        )
        ins = (source, other if combine else ABSENT)
        self.ops.append(Op(params, ins=ins, out=out, out_channel=channel, **act))
        return out

    def add(self, one: int, other: int, out: int, other_channel: int = 0) -> int:
        """The sum of `one` and channels of `other`."""
        params = Binary(self.values[one], BinaryKind.ADD, Spread.SAME)
        self.ops.append(Op(params, ins=(one, other), in_channels=(0, other_channel), out=out))
        return out

    def plan(self) -> PlanFile:
        """To the last value."""
        return plan(self.values, self.ops, self.arrays, m=self.m)


def distilling(rng: Random) -> PlanFile:
    """Residual blocks of 3x3 convolutions, beside which 1x1 ones read the same: some to keep, some for a sum."""
    sketch = Sketch(rng, int(rng.integers(50, 60)), int(rng.integers(1, 4)))
    x, total, channels, kept = 0, ABSENT, sketch.values[0], []
    for _ in range(int(rng.integers(2, 5))):
        source = x
        if rng.random() < 0.3:  # lies behind what the others read
            total = sketch.conv(source, 3, 5, sketch.value(3))
        if rng.random() < 0.6:
            combine = Combine.NONE if total < 0 else Combine(int(rng.integers(1, 4)))
            total = sketch.conv(source, 3, 1, sketch.value(3), combine=combine, other=total, **random_act(rng))
        if rng.random() < 0.6:  # not in the place of the sum so far, which nothing else reads
            kept.append(sketch.value(6))
            sketch.conv(source, 3, 1, kept[-1], **random_act(rng))
            combine = Combine.NONE if total < 0 else Combine.ADD_THEN_ACT
            sketch.conv(source, 3, 1, kept[-1], 3, combine=combine, other=total)
            total = ABSENT
        residual, other = Combine(int(rng.integers(4))), source
        if residual and rng.random() < 0.5:  # a shortcut
            other = sketch.conv(source, channels, 1, sketch.value(channels))
        act = random_act(rng)
        x = sketch.conv(source, channels, 3, sketch.value(channels), combine=residual, other=other, **act)
    last = sketch.conv(x, 3, 1, sketch.value(3), combine=Combine(int(total >= 0)), other=total)
    for value in kept:
        for channel in (0, 3):
            last = sketch.add(last, value, sketch.value(3), channel)
    return sketch.plan()
