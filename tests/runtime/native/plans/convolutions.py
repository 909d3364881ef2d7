"""One convolution, or two behind each other."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from plans.basics import Array, Random, floats, op, plan, random_act, sparse_arrays
from slsc.passes.lowering.nmp import Act, Combine, Op, OpType, PlanFile


def conv(rng: Random, *, sparse: bool) -> PlanFile:
    """A convolution of any geometry; sparse ones have one or two groups of the convolution's own."""
    groups = int(rng.choice([1, 1, 2, 3]))
    channels, made = groups * int(rng.integers(1, 80 if sparse else 12)), groups * int(rng.integers(1, 9))
    kh, kw = (int(k) for k in rng.choice([1, 2, 3, 5], 2))
    sh, sw = (int(s) for s in rng.choice([1, 1, 2, 3], 2))
    dh, dw = (int(d) for d in rng.choice([1, 1, 2], 2))
    pads = [int(rng.integers(0, 1 + reach)) for reach in ((kh - 1) * dh, (kw - 1) * dw)] * 2
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
    act, f = random_act(rng)
    first = op(
        OpType.CONV, channels, made, kh, kw, sh, sw, *pads, dh, dw, groups, n, Combine.NONE, r,
        act=act, f=f, arrays=(0, 1 if sparse else -1, len(arrays) - 1, -1),
    )  # fmt: skip
    return plan([channels, made // (r * r)], [first], arrays, row_align=sh, m=m)


def combined(rng: Random) -> PlanFile:
    """A 3x3 and a 1x1 convolution, each combined with the image and written beside the other."""
    channels = int(rng.integers(1, 9))
    arrays = [floats(rng, channels, channels, k, k) / np.float32(k) for k in (3, 1)] + [floats(rng, channels)]
    ops = []
    for index, side in enumerate((3, 1)):
        act, f = random_act(rng)
        pad = side // 2
        geometry = (channels, channels, side, side, 1, 1, pad, pad, pad, pad, 1, 1, 1, 0)
        slopes = rng.random() < 0.3
        ops.append(
            op(
                OpType.CONV,
                *geometry,
                int(rng.integers(1, 4)),
                1,
                ins=(0, 0),
                out_channel=index * channels,
                act=Act.PRELU if slopes else act,
                f=f,
                arrays=(index, -1, -1, 2 if slopes else -1),
            )
        )
    return plan([channels, 2 * channels], ops, arrays)


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

    def convolution(side: int, n: int, channels: int, made: int, r: int, ins: int, **changed: Any) -> Op:
        weights = len(arrays)
        arrays.extend(
            sparse_arrays(rng, made, channels, (side, side), n, m)
            if n < m
            else [floats(rng, made, channels, side, side)]
        )
        arrays[weights] /= np.float32(np.sqrt(arrays[weights].size / made))
        arrays.append(floats(rng, made))
        pads = changed.get("pads", (side // 2,) * 4)
        geometry = (channels, made, side, side, *[changed.get("stride", 1)] * 2, *pads, 1, 1, 1, n if n < m else 0)
        combine = changed.get("combine", Combine.NONE)
        return op(
            OpType.CONV, *geometry, combine, r, ins=(ins, 0 if combine else -1), out=ins + 1,
            act=changed.get("act", Act.NONE), arrays=(weights, weights + 1 if n < m else -1, len(arrays) - 1, -1),
        )  # fmt: skip

    arrays: list[Array] = []
    ops = [
        convolution(sides[0], n, channels, channels * shuffle**2, shuffle, 0, **first),
        convolution(sides[1], m, channels, outputs, 1, 1, **second),
    ]
    stride = first.get("stride", 1) * second.get("stride", 1)
    return plan([channels, channels, outputs], ops, arrays, row_align=stride, m=m)


def ending(rng: Random) -> PlanFile:
    """A pair of convolutions that an engine may make one."""
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
