"""Convolutions in integers, and what makes and reads U8 values."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from plans.basics import Random, conv, floats, plan, random_act, sparse_arrays
from plans.convolutions import pair
from slsc.passes.lowering import nmp
from slsc.passes.lowering.nmp import ABSENT, INT8, DType, Op, PlanFile
from slsc.passes.lowering.nmp_ops import Act, Combine, Dequantize, IntConv, Quantize, Unary

EXACT = (Act.NONE, Act.RELU, Act.LEAKY_RELU, Act.CLIP)
"""Activations that are the same bits everywhere."""


def int_convs(rng: Random) -> PlanFile:
    """Quantize, a convolution of any geometry to U8, and one to F32 that may be combined with it, dequantized."""
    sketch = _Sketch(rng)
    channels, made = int(rng.integers(1, 150)), int(rng.integers(1, 40))
    strides = tuple(int(s) for s in rng.choice([1, 1, 2, 3], 2))
    source = sketch.quantize(0, channels)
    first = sketch.conv(source, channels, made, strides=strides, to=DType.U8, act=sketch.exact())
    back = sketch.dequantize(first, made)
    r = int(rng.choice([1, 1, 2]))
    same = r == 1 and rng.random() < 0.7
    combine = Combine(int(rng.integers(1, 4))) if same else Combine.NONE
    outputs = made if same else int(rng.integers(1, 20)) * r * r
    act: Any = random_act(rng)
    sketch.conv(first, made, outputs, to=DType.F32, act=act, combine=combine, other=back if same else ABSENT, shuffle=r)
    return sketch.plan(channels, math.lcm(*strides))


def int_network(rng: Random) -> PlanFile:
    """Residual blocks of two convolutions, the first to U8: nothing but exact activations, the output dequantized."""
    sketch = _Sketch(rng)
    channels = int(rng.integers(3, 70))
    held = 0
    for _ in range(int(rng.integers(1, 4))):
        source = sketch.quantize(held, channels)
        inner = sketch.conv(source, channels, channels, to=DType.U8, act=sketch.exact())
        held = sketch.conv(
            inner, channels, channels, to=DType.F32, act=sketch.exact(), combine=Combine.ACT_THEN_ADD, other=held
        )
    last = sketch.conv(sketch.quantize(held, channels), channels, int(rng.integers(1, 9)), to=DType.U8)
    sketch.dequantize(last, sketch.values[last])
    return sketch.plan(channels, 1)


def int_joined(rng: Random) -> PlanFile:
    """Parts of a value of U8 by what can make them, at any channel; and results that integers and others read."""
    sketch = _Sketch(rng)
    channels = int(rng.integers(1, 40))
    source = sketch.quantize(0, channels)
    parts = [channels, *(int(each) for each in rng.integers(1, 70, rng.integers(1, 4)))]
    joined = sketch.value(sum(parts), DType.U8)
    sketch.quantize(0, channels, into=(joined, 0))
    channel, held = channels, []
    for made in parts[1:]:
        if rng.random() < 0.5:
            sketch.conv(source, channels, made, to=DType.U8, act=sketch.exact(), into=(joined, channel))
        else:
            held.append((sketch.conv(source, channels, made, to=DType.F32, act=sketch.exact()), made))
            sketch.quantize(held[-1][0], made, into=(joined, channel))
        channel += made
    last = sketch.conv(joined, sum(parts), channels, to=DType.F32, combine=Combine.ADD_THEN_ACT, other=0)
    for value, made in held:  # results that something reads in strips, too
        sketch.unary(value, made)
        last = sketch.conv(
            sketch.quantize(value, made), made, channels, to=DType.F32, combine=Combine.ACT_THEN_ADD, other=last
        )
    return sketch.plan(channels, 1)


def int_distilling(rng: Random) -> PlanFile:
    """What several convolutions make, beside each other in float32, quantized together; one may be no convolution."""
    sketch = _Sketch(rng)
    channels = int(rng.integers(1, 40))
    source = sketch.quantize(0, channels)
    parts = [int(each) for each in rng.integers(1, 70, rng.integers(2, 5))]
    other = int(rng.integers(len(parts))) if rng.random() < 0.3 else ABSENT
    if other != ABSENT:
        parts[other] = channels
    joined = sketch.value(sum(parts), DType.F32)
    for index, made in enumerate(parts):
        into = joined, sum(parts[:index])
        if index == other:
            sketch.unary(0, made, into=into)
        else:
            sketch.conv(source, channels, made, to=DType.F32, act=sketch.exact(), into=into)
    if rng.random() < 0.3:
        sketch.unary(joined, sum(parts))
    sketch.conv(sketch.quantize(joined, sum(parts)), sum(parts), int(rng.integers(1, 40)), to=DType.F32)
    return sketch.plan(channels, 1)


def int_shuffled(rng: Random) -> PlanFile:
    """A convolution that shuffles, whose result is quantized for the next."""
    sketch = _Sketch(rng)
    channels, made, r = int(rng.integers(1, 40)), int(rng.choice([7, 16, 32, 48])), int(rng.choice([2, 3]))
    source = sketch.quantize(0, channels)
    act: Any = sketch.exact()
    wide = sketch.conv(source, channels, made * r * r, to=DType.F32, act=act, shuffle=r)
    sketch.conv(sketch.quantize(wide, made), made, int(rng.integers(1, 9)), to=DType.F32)
    return sketch.plan(channels, 1)


def dequantized_pair(rng: Random, *, sides: tuple[int, int], outputs: int, channels: int) -> PlanFile:
    """`pair`, shuffling by 2 and dense, of numbers that were of U8: where bytes are multiplied fast it reads those."""
    made = pair(rng, shuffle=2, sides=sides, outputs=outputs, n=8, channels=channels)
    grid = 1 / 40, 117
    ops = [
        Op(Quantize(channels, *grid, ABSENT), out=3),
        Op(Dequantize(channels, *grid), ins=(3, ABSENT), out=4),
        replace(made.ops[0], ins=(4, ABSENT)),
        made.ops[1],
    ]
    types = (DType.F32, DType.F32, DType.F32, DType.U8, DType.F32)
    whole = plan([*made.values, channels, channels], ops, made.arrays, m=made.m)
    return replace(whole, output=made.output, dtypes=types, features=(INT8,))


class _Sketch:
    """A plan being made, of one group size."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.values: list[int] = [0]
        self.dtypes: list[DType] = [DType.F32]
        self.ops: list[Op] = []
        self.arrays: list[Any] = []
        self.m = int(rng.choice([4, 16, 32]))
        self.scales: dict[int, tuple[float, int]] = {}

    def exact(self) -> dict[str, Any]:
        a = float(np.float32(self.rng.uniform(-0.5, 0.5)))
        act = EXACT[self.rng.integers(len(EXACT))]
        return {"act": act, "act_a": a, "act_b": a + 1.5}

    def quantize(self, source: int, channels: int, into: tuple[int, int] | None = None) -> int:
        out, channel = into or (self.value(channels, DType.U8), 0)
        factors = ABSENT
        if self.rng.random() < 0.3:
            factors = len(self.arrays)
            self.arrays.append(self.rng.uniform(0.5, 2, channels).astype(np.float32))
        self.ops.append(
            Op(Quantize(channels, *self.scales[out], factors), ins=(source, ABSENT), out=out, out_channel=channel)
        )
        return out

    def unary(self, source: int, channels: int, into: tuple[int, int] | None = None) -> int:
        out, channel = into or (self.value(channels, DType.F32), 0)
        params = Unary(channels, ABSENT, ABSENT)
        self.ops.append(Op(params, ins=(source, ABSENT), out=out, out_channel=channel, act=Act.RELU))
        return out

    def dequantize(self, source: int, channels: int) -> int:
        out = self.value(channels, DType.F32)
        self.ops.append(Op(Dequantize(channels, *self.scales[source]), ins=(source, ABSENT), out=out))
        return out

    def conv(
        self,
        source: int,
        channels: int,
        made: int,
        *,
        to: DType,
        strides: tuple[int, ...] | None = None,
        act: dict[str, Any] | None = None,
        combine: Combine = Combine.NONE,
        other: int = ABSENT,
        shuffle: int = 1,
        into: tuple[int, int] | None = None,
    ) -> int:
        rng, first, same = self.rng, len(self.arrays), strides is None  # as large as its input
        kernel = tuple(int(k) for k in rng.choice([1, 3] if same else [1, 2, 3, 5], 2))
        dilations = tuple(int(d) for d in rng.choice([1, 1, 2], 2))
        sides = tuple((k - 1) * d // (2 if same else 1) for k, d in zip(kernel, dilations, strict=True))
        pads = sides if same else tuple(int(rng.integers(0, 1 + side)) for side in sides)
        n = int(rng.choice([0, *range(1, self.m)]))
        count = made * channels * math.prod(kernel)
        positions = []
        if n:
            values, placed = sparse_arrays(rng, made, channels, kernel, n, self.m)
            count, positions = len(values), [placed]
        integers = rng.integers(-128, 128, count).astype(np.int8)
        integers[rng.random(count) < 0.1] = 0
        scale = rng.uniform(0.5, 2, made if rng.random() < 0.6 else 1) / (64 * np.sqrt(count / made))
        bias = first + 2 if rng.random() < 0.7 else ABSENT
        self.arrays += [nmp.Array(integers.tobytes(), DType.I8, scale=first + 1), scale.astype(np.float32)]
        self.arrays += [floats(rng, made)] * (bias >= 0) + positions
        params = conv(
            channels,
            made,
            kernel,
            strides=strides or (1, 1),
            pads=pads * 2,
            dilations=dilations,
            n=n,
            combine=combine,
            shuffle=shuffle,
            weights=first,
            positions=len(self.arrays) - 1 if n else ABSENT,
            bias=bias,
        )
        out, channel = into or (self.value(made // shuffle**2, to), 0)
        quantized = IntConv(*params, *self.scales[source], *self.scales[out])
        self.ops.append(Op(quantized, ins=(source, other), out=out, out_channel=channel, **(act or {})))
        return out

    def plan(self, channels: int, row_align: int) -> PlanFile:
        self.values[0] = channels
        made = plan(self.values, self.ops, self.arrays, row_align, self.m)
        return replace(made, dtypes=tuple(self.dtypes), features=(INT8,))

    def value(self, channels: int, dtype: DType) -> int:
        self.values.append(channels)
        self.dtypes.append(dtype)
        out = len(self.values) - 1
        self.scales[out] = float(np.float32(self.rng.uniform(0.01, 0.03))), int(self.rng.integers(0, 256))
        return out
