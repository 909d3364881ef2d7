"""Random plans of one operation each (and what it needs around it), for the native engine's tests.

    python plans.py FOLDER     writes a few of each kind, as seeds for the fuzzer

`KINDS` maps a name to a function of a random generator. Every plan runs on images of at least `SMALLEST` pixels a side.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from slsc.passes.lowering.nmp import Act, BinaryKind, Combine, Op, OpType, PlanFile, Spread
from slsc.pattern import group_sizes, kept_in_group

SMALLEST = 9
ACTS = tuple(act for act in Act if act not in (Act.PRELU, Act.SQRT))
Array = np.ndarray
Random = np.random.Generator


def op(kind: OpType, *p: int, ins: tuple[int, int] = (0, -1), out: int = 1, **rest: object) -> Op:
    """An operation from value 0 to value 1 unless told otherwise."""
    fields: dict[str, object] = {"act": Act.NONE, "in_channels": (0, 0), "out_channel": 0, "f": (0.0, 0.0, 0.0, 0.0)}
    fields |= {"arrays": (-1, -1, -1, -1)} | rest
    return Op(type=kind, ins=ins, out=out, p=p, **fields)  # type: ignore[arg-type]


def plan(values: list[int], ops: list[Op], arrays: list[Array], row_align: int = 1, m: int = 0) -> PlanFile:
    """A plan from value 0 to the last."""
    return PlanFile(0, len(values) - 1, row_align, m, tuple(values), tuple(ops), tuple(a.tobytes() for a in arrays))


def identity(channels: int = 1) -> PlanFile:
    """One operation that changes nothing."""
    return plan([channels, channels], [op(OpType.UNARY, channels)], [])


def _floats(rng: Random, *shape: int) -> Array:
    return rng.standard_normal(shape).astype(np.float32)


def _act(rng: Random) -> tuple[Act, tuple[float, float, float, float]]:
    act = ACTS[rng.integers(len(ACTS))]
    f2 = float(np.float32(rng.uniform(-0.5, 0.5)))
    return act, (0.0, 0.0, f2, f2 + float(np.float32(rng.uniform(0.1, 2))))


def sparse_arrays(rng: Random, made: int, channels: int, kernel: tuple[int, int], n: int, m: int) -> list[Array]:
    """Rank-major values and positions of random weights (see plan.hpp)."""
    sizes = group_sizes(channels, m)
    order = [[rng.permutation(size) for size in sizes] for _ in range(made * kernel[0] * kernel[1])]
    positions = [
        groups[index][rank]
        for rank in range(n)
        for groups in order
        for index, size in enumerate(sizes)
        if rank < kept_in_group(n, m, size)
    ]
    return [_floats(rng, len(positions)), np.array(positions, np.uint8)]


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
        else [_floats(rng, made, channels // groups, kh, kw)]
    )
    arrays[0] /= np.float32(np.sqrt(arrays[0].size / made))  # outputs of order 1, so that rounding is comparable
    arrays.append(_floats(rng, made))
    act, f = _act(rng)
    first = op(
        OpType.CONV, channels, made, kh, kw, sh, sw, *pads, dh, dw, groups, n, Combine.NONE, r,
        act=act, f=f, arrays=(0, 1 if sparse else -1, len(arrays) - 1, -1),
    )  # fmt: skip
    return plan([channels, made // (r * r)], [first], arrays, row_align=sh, m=m)


def combined(rng: Random) -> PlanFile:
    """A 3x3 and a 1x1 convolution, each combined with the image and written beside the other."""
    channels = int(rng.integers(1, 9))
    arrays = [_floats(rng, channels, channels, k, k) / np.float32(k) for k in (3, 1)] + [_floats(rng, channels)]
    ops = []
    for index, side in enumerate((3, 1)):
        act, f = _act(rng)
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
            else [_floats(rng, made, channels, side, side)]
        )
        arrays[weights] /= np.float32(np.sqrt(arrays[weights].size / made))
        arrays.append(_floats(rng, made))
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


def binary(rng: Random) -> PlanFile:
    """Two inputs, the second in any spread."""
    channels, spread = int(rng.integers(1, 9)), Spread(int(rng.integers(3)))
    kind = BinaryKind(int(rng.integers(len(BinaryKind))))
    act, f = _act(rng)
    # The divisor stays away from 0: scale 0.1 and shift 3.
    arrays = [np.full(channels, 0.1, np.float32), np.full(channels, 3, np.float32), _floats(rng, channels)]
    ops = [op(OpType.UNARY, channels, arrays=(0, 1, -1, -1))]
    values = [channels, channels]
    own = spread == Spread.CHANNEL and rng.random() < 0.5  # one of its own channels
    if spread != Spread.SAME and not own:
        mean = OpType.GLOBAL_MEAN if spread == Spread.PIXEL else OpType.CHANNEL_MEAN
        ops.append(op(mean, channels, ins=(1, -1), out=2))
        values.append(channels if spread == Spread.PIXEL else 1)
    ins = (1 if own or kind in (BinaryKind.DIV, BinaryKind.REV_DIV) else 0, len(values) - 1)
    slopes = rng.random() < 0.3
    ops.append(
        op(
            OpType.BINARY,
            channels,
            kind,
            spread,
            ins=ins,
            in_channels=(0, int(rng.integers(channels)) if own else 0),
            out=len(values),
            act=Act.PRELU if slopes else act,
            f=f,
            arrays=(-1, -1, -1, 2 if slopes else -1),
        )
    )
    return plan([*values, channels], ops, arrays)


def unary(rng: Random) -> PlanFile:
    """Scale, shift and activation."""
    channels = int(rng.integers(1, 9))
    act, f = _act(rng)
    arrays = [3 * _floats(rng, channels), _floats(rng, channels), _floats(rng, channels)]
    slopes = rng.random() < 0.2
    chosen = [index if rng.random() < 0.7 else -1 for index in (0, 1)]
    one = op(OpType.UNARY, channels, act=Act.PRELU if slopes else act, f=f, arrays=(*chosen, -1, 2 if slopes else -1))
    return plan([channels, channels], [one], arrays)


def root(rng: Random) -> PlanFile:
    """A square root of squares."""
    channels = int(rng.integers(1, 5))
    ops = [op(OpType.BINARY, channels, BinaryKind.MUL, Spread.SAME, ins=(0, 0), act=Act.SQRT)]
    return plan([channels, channels], ops, [])


def pool(rng: Random) -> PlanFile:
    """Max and average pooling."""
    channels = int(rng.integers(1, 5))
    kh, kw = (int(k) for k in rng.integers(1, 6, 2))
    sh, sw = (int(s) for s in rng.integers(1, 4, 2))
    pads = [int(rng.integers(k)) for k in (kh, kw, kh, kw)]
    ceil = int(rng.integers(2))
    one = op(OpType.POOL, channels, int(rng.integers(3)), kh, kw, sh, sw, *pads, ceil)
    return plan([channels, channels], [one], [], row_align=sh)


def resize(rng: Random) -> PlanFile:
    """Resizing by a factor."""
    channels, up, down = int(rng.integers(1, 5)), int(rng.integers(1, 5)), int(rng.choice([1, 1, 2, 3]))
    one = op(
        OpType.RESIZE, channels, int(rng.integers(3)), int(rng.integers(4)), up, down, int(rng.integers(4)),
        f=(float(rng.choice([-0.75, -0.5])), 0.0, 0.0, 0.0),
    )  # fmt: skip
    return plan([channels, channels], [one], [], row_align=down)


def resize_to(rng: Random) -> PlanFile:
    """A pooled image resized to the whole one's size, or a pixel spread over it."""
    channels, sides = int(rng.integers(1, 5)), [int(s) for s in rng.integers(1, 4, 2)]
    pixel = rng.random() < 0.2
    window = op(OpType.POOL, channels, 1, *sides, *sides, 0, 0, 0, 0, int(rng.integers(2)))
    small = op(OpType.GLOBAL_MEAN, channels) if pixel else window
    kind, coordinates, rounding = int(rng.integers(3)), int(rng.integers(4)), int(rng.integers(4))
    back = op(OpType.RESIZE, channels, kind, coordinates, 0, 0, rounding, ins=(1, 0), out=2, f=(-0.75, 0.0, 0.0, 0.0))
    return plan([channels, channels, channels], [small, back], [], row_align=1 if pixel else sides[0])


def pad(rng: Random) -> PlanFile:
    """Padding, cropping, or both."""
    channels, kind = int(rng.integers(1, 5)), int(rng.integers(3))
    amounts = [int(amount) for amount in rng.integers(-4, SMALLEST, 4)]
    one = op(OpType.PAD, channels, kind, *amounts, f=(0.5, 0.0, 0.0, 0.0))
    return plan([channels, channels], [one], [])


def shares(rng: Random) -> PlanFile:
    """Some of the parts of an enlarged image cut out, and put back where they were."""
    channels, parts = int(rng.integers(1, 4)), int(rng.integers(2, 5))
    kept = int(rng.integers(1, parts))
    top, left = (int(first) for first in rng.integers(parts - kept + 1, size=2))
    bottom, right = parts - kept - top, parts - kept - left
    nothing = (0, 0, 0, 0)
    ops = [
        op(OpType.RESIZE, channels, 1, 0, parts, 1, 0),
        op(OpType.PAD, channels, 0, *nothing, -top, -left, -bottom, -right, parts, ins=(1, -1), out=2),
        op(
            OpType.PAD,
            channels,
            0,
            *nothing,
            top,
            left,
            bottom,
            right,
            kept,
            ins=(2, -1),
            out=3,
            f=(0.5, 0.0, 0.0, 0.0),
        ),
    ]
    return plan([channels] * 4, ops, [])


def shuffles(rng: Random) -> PlanFile:
    """Depth to space and back, which orders channels otherwise."""
    channels, r = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    ops = [
        op(OpType.DEPTH_TO_SPACE, channels * r * r, r),
        op(OpType.SPACE_TO_DEPTH, channels, r, ins=(1, -1), out=2),
    ]
    return plan([channels * r * r, channels, channels * r * r], ops, [])


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
        [_floats(rng, inner, channels), _floats(rng, channels, inner)],
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
            act, f = _act(rng)
            target = {"out": len(values), "out_channel": sum(parts[:index]), "act": act, "f": f}
            if rng.random() < 0.3:
                first, from_channel = some(made)
                both = {"ins": (first, second), "in_channels": (from_channel, other_channel)}
                ops.append(op(OpType.BINARY, made, BinaryKind.ADD, Spread.SAME, **both, **target))
                continue
            arrays.append(_floats(rng, made, read, 3, 3) / np.float32(3 * np.sqrt(read)))
            combine = Combine(int(rng.integers(4)))
            both = {"ins": (first, second if combine else -1), "in_channels": (from_channel, other_channel)}
            geometry = (read, made, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, combine, 1)
            ops.append(op(OpType.CONV, *geometry, **both, **target, arrays=(len(arrays) - 1, -1, -1, -1)))
        values.append(sum(parts))
    last = values[-1]
    arrays.append(_floats(rng, 12, last, 1, 1))
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
        arrays.append(_floats(rng, channels * r * r, channels, side, side) / np.float32(side * np.sqrt(channels)))
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


KINDS: dict[str, Callable[[Random], PlanFile]] = {
    "dense_conv": lambda rng: conv(rng, sparse=False),
    "sparse_conv": lambda rng: conv(rng, sparse=True),
    "combined": combined,
    "ending": ending,
    "binary": binary,
    "unary": unary,
    "root": root,
    "pool": pool,
    "resize": resize,
    "resize_to": resize_to,
    "pad": pad,
    "shares": shares,
    "shuffles": shuffles,
    "attention": attention,
    "network": network,
    "blocks": blocks,
}

if __name__ == "__main__":
    for name, make in KINDS.items():
        for seed in range(8):
            Path(sys.argv[1], f"{name}{seed}.nmp").write_bytes(make(np.random.default_rng(seed)).to_bytes())
