"""Convolutions in bfloat16, and what rounds to it.

Numbers have so few bits that sums which become bfloat16 are exact: how they are rounded does not hang on their order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from plans.basics import Array, Random, conv, floats, plan, random_act, sparse_arrays
from slsc.passes.lowering.nmp import ABSENT, BF16, HALF_OPERANDS, INT8, DType, Op, PlanFile
from slsc.passes.lowering.nmp_ops import Act, Combine, Dequantize, HalfConv, Narrow, Quantize

EXACT = (Act.NONE, Act.RELU, Act.CLIP)
"""Activations that round nothing."""


def half_convs(rng: Random) -> PlanFile:
    """Eighths, narrowed; a convolution of any geometry to BF16; one to F32, combined with a value of either or not."""
    m = int(rng.choice([4, 16, 32]))
    groups = int(rng.choice([1, 1, 2, 3]))
    channels, made = groups * int(rng.integers(1, 150 // groups)), groups * int(rng.integers(1, 40 // groups))
    r = int(rng.choice([1, 1, 2]))
    same = r == 1 and rng.random() < 0.7
    outputs = made if same else int(rng.integers(1, 20)) * r * r
    combine = Combine(int(rng.integers(1, 4))) if same else Combine.NONE
    arrays: list[Array] = []
    strides = tuple(int(s) for s in rng.choice([1, 1, 2, 3], 2))
    first = _conv(rng, arrays, (channels, made), m, groups=groups, strides=strides)
    other = _conv(rng, arrays, (channels, made), m, groups=groups, strides=strides, like=first)
    second = _conv(rng, arrays, (made, outputs), m, combine=combine, shuffle=r)
    act = {"act": EXACT[rng.integers(len(EXACT))], "act_a": -0.25, "act_b": 60.0}
    ops = [
        Op(Quantize(channels, 1 / 8, 128, ABSENT)),
        Op(Dequantize(channels, 1 / 8, 128), ins=(1, ABSENT), out=2),
        Op(Narrow(channels), ins=(2, ABSENT), out=3),
        Op(first, ins=(3, ABSENT), out=4, **act),  # type: ignore[arg-type]
        Op(other, ins=(3, ABSENT), out=5),
        Op(second, ins=(4, 5 if same else ABSENT), out=6, **random_act(rng)),
    ]
    values = [channels, channels, channels, channels, made, made, outputs // r**2]
    operand = DType.BF16 if same and rng.random() < 0.5 else DType.F32
    dtypes = (DType.F32, DType.U8, DType.F32, DType.BF16, DType.BF16, operand, DType.F32)
    whole = plan(values, ops, arrays, math.lcm(*strides), m)
    return replace(whole, dtypes=dtypes, features=(BF16, INT8, *[HALF_OPERANDS] * (operand == DType.BF16)))


def half_residuals(rng: Random) -> PlanFile:
    """A value of BF16 that is convolved and added to what comes of it, again and again; and a long skip at the end."""
    channels, m = int(rng.integers(1, 70)), int(rng.choice([4, 16, 32]))
    arrays: list[Array] = []
    values, dtypes = [channels, channels, channels, channels], [DType.F32, DType.U8, DType.F32, DType.BF16]
    ops = [
        Op(Quantize(channels, 1 / 8, 128, ABSENT)),
        Op(Dequantize(channels, 1 / 8, 128), ins=(1, ABSENT), out=2),
        Op(Narrow(channels), ins=(2, ABSENT), out=3),
    ]
    first = held = 3
    for _ in range(int(rng.integers(1, 3))):
        combine = (Combine.ADD_THEN_ACT, Combine.ACT_THEN_ADD)[rng.integers(2)]
        act = {"act": EXACT[rng.integers(len(EXACT))], "act_a": -0.25, "act_b": 60.0}
        one, made = _conv(rng, arrays, (channels, channels), m, combine=combine), len(values)
        ops.append(Op(one, ins=(held, held), out=made, **act))  # type: ignore[arg-type]
        ops.append(Op(Narrow(channels), ins=(made, ABSENT), out=made + 1))
        values, dtypes, held = [*values, channels, channels], [*dtypes, DType.F32, DType.BF16], made + 1
    last = _conv(rng, arrays, (channels, channels), m, combine=Combine.ACT_THEN_ADD)
    ops.append(Op(last, ins=(held, first), out=len(values), **random_act(rng)))
    whole = plan([*values, channels], ops, arrays, 1, m)
    return replace(whole, dtypes=(*dtypes, DType.F32), features=(BF16, HALF_OPERANDS, INT8))


def half_distilling(rng: Random) -> PlanFile:
    """What several convolutions make of the same, beside each other in float32, narrowed together."""
    channels, m = int(rng.integers(1, 70)), int(rng.choice([4, 16, 32]))
    parts = [int(each) for each in rng.integers(1, 70, rng.integers(2, 5))]
    arrays: list[Array] = []
    ops = [
        Op(Quantize(channels, 1 / 8, 128, ABSENT)),
        Op(Dequantize(channels, 1 / 8, 128), ins=(1, ABSENT), out=2),
        Op(Narrow(channels), ins=(2, ABSENT), out=3),
    ]
    for index, made in enumerate(parts):
        one = _conv(rng, arrays, (channels, made), m)
        act = {"act": EXACT[rng.integers(len(EXACT))], "act_a": -0.25, "act_b": 60.0}
        ops.append(Op(one, ins=(3, ABSENT), out=4, out_channel=sum(parts[:index]), **act))  # type: ignore[arg-type]
    ops.append(Op(Narrow(sum(parts)), ins=(4, ABSENT), out=5))
    outputs = int(rng.integers(1, 40))
    ops.append(Op(_conv(rng, arrays, (sum(parts), outputs), m), ins=(5, ABSENT), out=6))
    values = [channels, channels, channels, channels, sum(parts), sum(parts), outputs]
    dtypes = (DType.F32, DType.U8, DType.F32, DType.BF16, DType.F32, DType.BF16, DType.F32)
    return replace(plan(values, ops, arrays, 1, m), dtypes=dtypes, features=(BF16, INT8))


def half_chain(rng: Random, widths: Sequence[int]) -> PlanFile:
    """Convolutions one after the other, to BF16 or to F32 that is then narrowed; some have another beside them."""
    arrays: list[Array] = []
    values, dtypes = [widths[0]], [DType.F32]
    ops: list[Op] = []

    def add(params: HalfConv | Narrow, source: int, channels: int, dtype: DType, other: int = ABSENT) -> int:
        values.append(channels)
        dtypes.append(dtype)
        ops.append(Op(params, ins=(source, other), out=len(values) - 1, act=Act.LEAKY_RELU, act_a=0.1))
        if isinstance(params, Narrow):
            ops[-1] = Op(params, ins=(source, ABSENT), out=len(values) - 1)
        return len(values) - 1

    def weighted(channels: int, made: int, combine: Combine = Combine.NONE) -> HalfConv:
        arrays.append(upper_halves(floats(rng, made, channels, 3, 3) / (3 * channels**0.5)))
        params = conv(channels, made, combine=combine, weights=len(arrays) - 1)
        return HalfConv(*params)

    held = add(Narrow(widths[0]), 0, widths[0], DType.BF16)
    for channels, made in pairwise(widths):
        direct = rng.random() < 0.5
        after = add(weighted(channels, made), held, made, DType.BF16 if direct else DType.F32)
        if rng.random() < 0.4:
            other = add(weighted(channels, made), held, made, DType.BF16 if rng.random() < 0.5 else DType.F32)
            if direct:
                after = add(weighted(made, made, Combine.ADD_THEN_ACT), after, made, DType.F32, other)
            elif dtypes[other] == DType.F32:
                after = other
            direct = False
        held = after if direct else add(Narrow(made), after, made, DType.BF16)
    add(weighted(widths[-1], 8), held, 8, DType.F32)
    return replace(plan(values, ops, arrays), dtypes=tuple(dtypes), features=(BF16, HALF_OPERANDS))


def rounded(channels: int, made: int, kernel: tuple[int, int], weights: Array, bias: Array, n: int = 0) -> PlanFile:
    """A narrowed image, convolved to F32. `weights`: bits of BF16."""
    ops = [Op(Narrow(channels)), Op(HalfConv(*conv(channels, made, kernel, n=n, bias=1)), ins=(1, ABSENT), out=2)]
    whole = plan([channels, channels, made], ops, [weights, bias])
    return replace(whole, dtypes=(DType.F32, DType.BF16, DType.F32), features=(BF16,))


def upper_halves(numbers: Array) -> Array:
    """Bits of BF16, cut off."""
    return (numbers.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


def _conv(
    rng: Random,
    arrays: list[Array],
    ends: tuple[int, int],
    m: int,
    *,
    groups: int = 1,
    strides: tuple[int, ...] | None = None,
    combine: Combine = Combine.NONE,
    shuffle: int = 1,
    like: HalfConv | None = None,
) -> HalfConv:
    """One whose arrays are added; without strides as large as its input; or with the geometry of another."""
    (channels, made), same = ends, strides is None
    kernel = tuple(int(k) for k in rng.choice([1, 3] if same else [1, 2, 3, 5], 2))
    dilations = tuple(int(d) for d in rng.choice([1, 1, 2], 2))
    sides = tuple((k - 1) * d // (2 if same else 1) for k, d in zip(kernel, dilations, strict=True))
    pads = sides if same else tuple(int(rng.integers(0, 1 + side)) for side in sides)
    if like:
        kernel = (like.kernel_h, like.kernel_w)
    n = int(rng.choice([0, *range(1, m)]))
    count, first = made * channels // groups * math.prod(kernel), len(arrays)
    positions = []
    if n:
        values, placed = sparse_arrays(rng, made, channels // groups, kernel, n, m)
        count, positions = len(values), [placed]
    bias = [np.rint(8 * floats(rng, made)) / 8] * (rng.random() < 0.7)
    arrays += [upper_halves(rng.integers(-3, 4, count) / 16), *positions, *bias]
    params = conv(
        channels,
        made,
        kernel,
        strides=strides or (1, 1),
        pads=pads * 2,
        dilations=dilations,
        groups=groups,
        n=n,
        combine=combine,
        shuffle=shuffle,
        weights=first,
        positions=first + 1 if n else ABSENT,
        bias=len(arrays) - 1 if bias else ABSENT,
    )
    half = HalfConv(*params)
    fields = ("pad_top", "pad_left", "pad_bottom", "pad_right", "dilation_h", "dilation_w")
    return half if like is None else half._replace(**{name: getattr(like, name) for name in fields})
