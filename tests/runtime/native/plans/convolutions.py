"""One convolution, or two behind each other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from plans.basics import Array, Random, conv, floats, plan, random_act, sparse_arrays
from slsc.passes.lowering import nmp
from slsc.passes.lowering.nmp import ABSENT, DType, Op, PlanFile
from slsc.passes.lowering.nmp_ops import Act, Combine


def one(rng: Random, *, sparse: bool) -> PlanFile:
    """A convolution of any geometry; sparse ones have one or two groups of the convolution's own."""
    groups = int(rng.choice([1, 1, 2, 3]))
    channels, made = groups * int(rng.integers(1, 80 if sparse else 12)), groups * int(rng.integers(1, 9))
    kh, kw = (int(k) for k in rng.choice([1, 2, 3, 5], 2))
    sh, sw = (int(s) for s in rng.choice([1, 1, 2, 3], 2))
    dh, dw = (int(d) for d in rng.choice([1, 1, 2], 2))
    vertical, horizontal = (int(rng.integers(0, 1 + behind)) for behind in ((kh - 1) * dh, (kw - 1) * dw))
    r = int(rng.choice([1, 1, 2, 3]))
    made *= r * r
    m = int(rng.choice([4, 16, 32])) if sparse else 0
    n = int(rng.integers(1, m)) if sparse else 0
    arrays = (
        sparse_arrays(rng, made, channels // groups, (kh, kw), n, m)
        if sparse
        else [floats(rng, made, channels // groups, kh, kw)]
    )
    arrays[0] /= np.float32(np.sqrt(arrays[0].size / made))  # outputs of order 1, so that rounding is comparable
    arrays.append(floats(rng, made))
    params = conv(
        channels,
        made,
        (kh, kw),
        strides=(sh, sw),
        pads=(vertical, horizontal, vertical, horizontal),
        dilations=(dh, dw),
        groups=groups,
        n=n,
        shuffle=r,
        positions=1 if sparse else ABSENT,
        bias=len(arrays) - 1,
    )
    return plan([channels, made // (r * r)], [Op(params, **random_act(rng))], arrays, row_align=math.lcm(sh, sw), m=m)


def combined(rng: Random) -> PlanFile:
    """A 3x3 and a 1x1 convolution, each combined with the image and written beside the other."""
    channels = int(rng.integers(1, 9))
    arrays = [floats(rng, channels, channels, k, k) / np.float32(k) for k in (3, 1)] + [floats(rng, channels)]
    ops = []
    for index, side in enumerate((3, 1)):
        params = conv(channels, channels, (side, side), combine=Combine(int(rng.integers(1, 4))), weights=index)
        act = random_act(rng)
        slopes: dict[str, Any] = {"act": Act.PRELU, "slopes": 2} if rng.random() < 0.3 else {}
        ops.append(Op(params, ins=(0, 0), out_channel=index * channels, **{**act, **slopes}))
    return plan([channels, 2 * channels], ops, arrays)


def combined_shuffled(rng: Random) -> PlanFile:
    """Two convolutions that shuffle, the second combined with what the first made."""
    channels, r = int(rng.integers(1, 7)), int(rng.integers(2, 4))
    made = channels * r * r
    arrays = [floats(rng, made, channels, k, k) / np.float32(k * np.sqrt(channels)) for k in (3, 1)]
    first = conv(channels, made, (1, 1), shuffle=r, weights=1)
    second = conv(channels, made, (3, 3), shuffle=r, combine=Combine(int(rng.integers(1, 4))))
    ops = [Op(first), Op(second, ins=(0, 1), out=2, **random_act(rng))]
    return plan([channels, channels, channels], ops, arrays)


def narrow(rng: Random) -> PlanFile:
    """A convolution, sparse or dense, whose weights are stored in 16 or 8 bits."""
    channels, made, m = int(rng.integers(1, 50)), int(rng.integers(1, 7)), int(rng.choice([4, 16]))
    n = int(rng.choice([0, *range(1, m)]))
    count, positions = made * channels * 9, []
    if n:
        values, placed = sparse_arrays(rng, made, channels, (3, 3), n, m)
        count, positions = len(values), [placed]
    size = np.float32(np.sqrt(count / made))
    if rng.random() < 0.4:
        stored = [(floats(rng, count) / size).view(np.uint32) >> 16]
        arrays = [stored[0].astype(np.uint16)]
    else:
        scale = rng.uniform(0.5, 2, made if rng.random() < 0.6 else 1).astype(np.float32) / (size * np.float32(64))
        numbers = rng.integers(-128, 128, count).astype(np.int8)
        arrays = [nmp.Array(numbers.tobytes(), DType.I8, scale=1), scale]
    params = conv(channels, made, n=n, positions=len(arrays) if n else ABSENT)
    return plan([channels, made], [Op(params)], [*arrays, *positions], m=m)


def pair(
    rng: Random,
    *,
    shuffle: int,
    sides: tuple[int, int],
    outputs: int,
    n: int,
    channels: int,
    m: int = 8,
    first: Mapping[str, Any] = MappingProxyType({}),
    second: Mapping[str, Any] = MappingProxyType({}),
) -> PlanFile:
    """Two convolutions behind each other, a shuffle between them: the first sparse or (n == m) dense.

    `first` and `second` change what they are else: act, combine (with the image), stride, pads.
    """

    def convolution(side: int, n: int, channels: int, made: int, r: int, source: int, **changed: Any) -> Op:
        weights, sparse = len(arrays), n < m
        arrays.extend(
            sparse_arrays(rng, made, channels, (side, side), n, m)
            if sparse
            else [floats(rng, made, channels, side, side)]
        )
        arrays[weights] /= np.float32(np.sqrt(arrays[weights].size / made))
        arrays.append(floats(rng, made))
        combine, stride = changed.get("combine", Combine.NONE), changed.get("stride", 1)
        params = conv(
            channels,
            made,
            (side, side),
            strides=(stride, stride),
            pads=changed.get("pads"),
            n=n if sparse else 0,
            combine=combine,
            shuffle=r,
            weights=weights,
            positions=weights + 1 if sparse else ABSENT,
            bias=len(arrays) - 1,
        )
        ins = (source, 0 if combine else ABSENT)
        return Op(params, ins=ins, out=source + 1, act=changed.get("act", Act.NONE))

    arrays: list[Array] = []
    ops = [
        convolution(sides[0], n, channels, channels * shuffle**2, shuffle, 0, **first),
        convolution(sides[1], m, channels, outputs, 1, 1, **second),
    ]
    stride = first.get("stride", 1) * second.get("stride", 1)
    return plan([channels, channels, outputs], ops, arrays, row_align=stride, m=m)


def ending(rng: Random) -> PlanFile:
    """A pair of convolutions that an engine may fold into one."""
    sides = (3, 3) if rng.random() < 0.7 else (1, 3)
    return pair(
        rng,
        shuffle=int(rng.integers(1, 4)),
        sides=sides,
        outputs=int(rng.integers(1, 5)),
        n=int(rng.choice([1, 4, 8])),
        channels=int(rng.integers(3, 20)),
        second={"act": Act(int(rng.integers(2)))},
    )
