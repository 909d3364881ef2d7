"""Regions with candidates of their own, in numpy: the oracle of passes with a map. It follows the words of native.h."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from types import ModuleType

import numpy as np

from slsc.passes.lowering.nmp import Array, DType, Op, PlanFile
from slsc.passes.lowering.nmp_ops import Conv, DepthToSpace, GlobalMean, Pad, Pool, Resize, SpaceToDepth
from slsc.pattern import group_sizes, kept_in_group

Numbers = np.ndarray
Axis = tuple[Fraction, Fraction]
"""Pixel p of a value lies at a p + b of the image."""


def alone(plan: PlanFile, candidate: int) -> PlanFile:
    """The plan of one candidate, in which nothing is left of the others but arrays that nobody names."""
    arrays, ops = list(plan.arrays), []
    for op in plan.ops:
        own, kept = _of_candidate(op, candidate)
        if isinstance(own.params, Conv) and kept:
            conv = own.params
            there = np.flatnonzero(_ranks(conv, plan.m) < _kept(conv, plan.m, kept))
            weights = plan.floats(conv.weights)[there]
            positions = np.frombuffer(plan.arrays[conv.positions].data, np.uint8)[there]
            own = replace(own, params=conv._replace(n=kept, weights=len(arrays), positions=len(arrays) + 1))
            arrays += [Array(weights.tobytes()), Array(positions.tobytes(), DType.U8)]
        ops.append(own)
    return replace(plan, ops=tuple(ops), arrays=tuple(arrays), features=())


def _entries(conv: Conv, m: int) -> tuple[list[int], list[int]]:
    """Rank and group size of every stored weight."""
    sizes = group_sizes(conv.channels // conv.groups, m)
    rows = conv.made * conv.kernel_h * conv.kernel_w
    found = [
        (rank, size)
        for rank in range(conv.n)
        for size in sizes * rows
        if rank < kept_in_group(conv.n, m, size)
    ]  # fmt: skip
    return [rank for rank, _ in found], [size for _, size in found]


def _ranks(conv: Conv, m: int) -> Numbers:
    return np.array(_entries(conv, m)[0])


def _kept(conv: Conv, m: int, kept: int) -> Numbers:
    return np.array([kept_in_group(kept, m, size) for size in _entries(conv, m)[1]])


def _of_candidate(op: Op, candidate: int) -> tuple[Op, int]:
    """Its operation, and the weights kept of every M."""
    if not op.sets or candidate == len(op.sets):
        return replace(op, sets=()), 0
    own = op.sets[candidate]
    assert isinstance(op.params, Conv)
    params = op.params._replace(n=own.n, weights=own.weights, positions=own.positions, bias=own.bias)
    return replace(op, params=params, slopes=own.slopes, sets=()), own.kept


Size = tuple[int, int]
"""Height and width of a region."""

LEFT_OUT = 255
"""In a map, of regions that are not wanted."""

RIM, MOST_REACH = 2, 4
"""Pixels of the image around wanted regions: of the output, and of what convolutions in blocks make at most."""

UNIT = 4
"""Rows that are made together."""

STRIPS = 16
"""Of a value's rows in a region, which lie in blocks where they are a multiple."""


def interpret_map(interpreter: ModuleType, plan: PlanFile, image: Numbers, regions: Numbers, size: Size) -> Numbers:
    """The output for a (channels, height, width) image and a map of candidates for its regions."""
    blocks = _blocks(interpreter, plan, image, size)
    values: dict[int, Numbers] = {plan.input: image.astype(np.float32)}
    axes: dict[int, tuple[Axis, Axis]] = {plan.input: ((Fraction(1), Fraction(0)),) * 2}
    for op in plan.ops:
        ins = [interpreter._read(values, op, index) for index in (0, 1) if op.ins[index] >= 0]
        made = [interpreter._run(plan, *_of_candidate(op, index)[:1], ins, _of_candidate(op, index)[1])
                for index in range(len(op.sets) + 1)]  # fmt: skip
        before = _before_shuffle(op, axes[op.ins[0]])
        chosen = _chosen(made[0].shape, op, before, regions, size, blocks[op.out]) if op.sets else np.array(0)
        mixed = np.choose(chosen, made).astype(np.float32)
        if op.out not in values:
            values[op.out] = np.full((plan.values[op.out], *mixed.shape[1:]), np.nan, np.float32)
        values[op.out][op.out_channel : op.out_channel + len(mixed)] = mixed
        other = axes[op.ins[1]] if op.ins[1] >= 0 else None
        axes[op.out] = _made(op, before, other, ins[0].shape[1:])
    return values[plan.output]


def interpret_chain(interpreter: ModuleType, plan: PlanFile, image: Numbers, regions: Numbers, size: Size) -> Numbers:
    """As `interpret_map`, of 3x3 convolutions one after the other in blocks, where the map leaves regions out.

    What the last makes is right `RIM` pixels around wanted regions, what each before it makes one more, but never more
    than `MOST_REACH`: whole regions across, `UNIT` rows at a time down. Beyond it is 0.
    """
    values = image.astype(np.float32)
    chosen = np.where(regions == LEFT_OUT, 0, regions).repeat(size[0], 0).repeat(size[1], 1)
    chosen = chosen[: image.shape[1], : image.shape[2]].astype(int)
    for index, op in enumerate(plan.ops):
        made = [interpreter._run(plan, *_of_candidate(op, each)[:1], [values], _of_candidate(op, each)[1])
                for each in range(len(op.sets) + 1)]  # fmt: skip
        reach = min(MOST_REACH, RIM + len(plan.ops) - 1 - index)
        values = np.choose(chosen, made) * _needed(regions != LEFT_OUT, size, image.shape[1:], reach)
        values = values.astype(np.float32)
    return values


def _needed(wanted: Numbers, size: Size, hw: tuple[int, ...], reach: int) -> Numbers:
    """Which pixels of a value are made: (height, width)."""
    around = -(-reach // size[1])
    across = np.array([wanted[:, max(0, c - around) : c + around + 1].any(1) for c in range(wanted.shape[1])]).T
    down = []
    for y in range(hw[0]):
        first = y // UNIT * UNIT
        last = min(first + UNIT, hw[0]) - 1
        down.append(across[max(0, first - reach) // size[0] : (last + reach) // size[0] + 1].any(0))
    return np.array(down).repeat(size[1], 1)[:, : hw[1]]


def at_output(interpreter: ModuleType, plan: PlanFile, image: Numbers, regions: Numbers, size: Size) -> Numbers:
    """What a map has for the region of each of the output's pixels, (height, width)."""
    shapes, axes, _ = _values(interpreter, plan, image)
    block = _blocks(interpreter, plan, image, size)[plan.output]
    rows, columns = _places(shapes[plan.output], axes[plan.output], regions, size, block, 1)
    return regions[np.ix_(rows, columns)]


def reach(interpreter: ModuleType, plan: PlanFile, image: Numbers) -> int:
    """Pixels of the image that the output sees around a place, at most."""
    _, axes, _ = _values(interpreter, plan, image)
    found = Fraction(0)
    for op in plan.ops:
        p, pixel = op.params, max(a for a, _ in axes[op.ins[0]])
        if isinstance(p, Conv):
            found += pixel * max((p.kernel_h - 1) * p.dilation_h, (p.kernel_w - 1) * p.dilation_w)
        elif isinstance(p, Pool):
            found += pixel * max(p.kernel_h, p.kernel_w)
        elif isinstance(p, Resize | Pad):
            found += 4 * pixel
    return int(found)


def _values(
    interpreter: ModuleType, plan: PlanFile, image: Numbers
) -> tuple[dict[int, tuple[int, ...]], dict[int, tuple[Axis, Axis]], set[int]]:
    """Shapes (channels, height, width) of values and their axes, and those that are one pixel."""
    values: dict[int, Numbers] = {plan.input: image.astype(np.float32)}
    axes: dict[int, tuple[Axis, Axis]] = {plan.input: ((Fraction(1), Fraction(0)),) * 2}
    pixels: set[int] = set()
    for op in plan.ops:
        ins = [interpreter._read(values, op, index) for index in (0, 1) if op.ins[index] >= 0]
        own, kept = _of_candidate(op, len(op.sets))
        made = interpreter._run(plan, own, ins, kept)
        values.setdefault(op.out, np.zeros((plan.values[op.out], *made.shape[1:]), np.float32))
        other = axes[op.ins[1]] if op.ins[1] >= 0 else None
        axes[op.out] = _made(op, _before_shuffle(op, axes[op.ins[0]]), other, ins[0].shape[1:])
        if isinstance(op.params, GlobalMean) or (op.ins[0] in pixels and not isinstance(op.params, Resize)):
            pixels.add(op.out)
    return {value: made.shape for value, made in values.items()}, axes, pixels


def _blocks(interpreter: ModuleType, plan: PlanFile, image: Numbers, size: Size) -> dict[int, int]:
    """By value: columns of it in a region where it lies in blocks, else 0; all 0 where that cannot be."""
    _, axes, pixels = _values(interpreter, plan, image)
    found = {}
    for value, (_, (a, _)) in axes.items():
        columns = Fraction(size[1]) / a
        whole = columns.denominator == 1 and columns % STRIPS == 0 and value not in pixels
        found[value] = int(columns) if whole else 0
    together = all(_go_together(op, found, pixels) for op in plan.ops)
    return found if together else dict.fromkeys(found, 0)


def _go_together(op: Op, blocks: dict[int, int], pixels: set[int]) -> bool:
    def same(index: int) -> bool:
        return op.ins[index] < 0 or op.ins[index] in pixels or blocks[op.ins[index]] == blocks[op.out]

    match op.params:
        case Conv() as p:
            return blocks[op.out] // STRIPS % p.shuffle == 0 and same(1)
        case Resize() | Pool() | Pad():
            return True
        case DepthToSpace() as p:
            return blocks[op.ins[0]] * p.block == blocks[op.out]
        case SpaceToDepth() as p:
            return blocks[op.out] * p.block == blocks[op.ins[0]]
    return op.out in pixels or (same(0) and same(1))


def _chosen(
    shape: tuple[int, ...], op: Op, axes: tuple[Axis, Axis], regions: Numbers, size: Size, block: int
) -> Numbers:
    """By row and column of a convolution's output: its candidate. `block`: columns of one that lies in blocks."""
    assert isinstance(op.params, Conv)
    if shape[1:] == (1, 1) and regions.size > 1:
        return np.array(regions.max())
    return regions[np.ix_(*_places(shape, axes, regions, size, block, op.params.shuffle))].astype(int)


def _places(
    shape: tuple[int, ...], axes: tuple[Axis, Axis], regions: Numbers, size: Size, block: int, shuffle: int
) -> list[Numbers]:
    """Rows and columns of regions of a value's pixels; `axes` are those before a shuffle."""
    places = []
    for pixels, (a, b), count, side in zip(shape[1:], axes, regions.shape, size, strict=True):
        p = np.arange(pixels) // shuffle
        places.append(np.array([min(max((a * int(each) + b) // side, 0), count - 1) for each in p], int))
    if block:
        places[1] = np.minimum(np.arange(shape[2]) // block, regions.shape[1] - 1)
    return places


def _before_shuffle(op: Op, axes: tuple[Axis, Axis]) -> tuple[Axis, Axis]:
    match op.params:
        case Conv() as p:
            kernels, dilations = (p.kernel_h, p.kernel_w), (p.dilation_h, p.dilation_w)
        case Pool() as p:
            kernels, dilations = (p.kernel_h, p.kernel_w), (1, 1)
        case _:
            return axes
    strides, pads = (p.stride_h, p.stride_w), (p.pad_top, p.pad_left)
    return tuple(
        (a * stride, a * ((kernel - 1) * dilation // 2 - pad) + b)
        for (a, b), kernel, dilation, stride, pad in zip(axes, kernels, dilations, strides, pads, strict=True)
    )  # type: ignore[return-value]


def _made(
    op: Op, axes: tuple[Axis, Axis], other: tuple[Axis, Axis] | None, shape: tuple[int, ...]
) -> tuple[Axis, Axis]:
    factor, shifts = Fraction(1), (0, 0)
    match op.params:
        case Conv() as p:
            factor = Fraction(1, p.shuffle)
        case DepthToSpace() as p:
            factor = Fraction(1, p.block)
        case SpaceToDepth() as p:
            factor = Fraction(p.block)
        case Resize(numerator=0):
            assert other is not None
            return other
        case Resize() as p:
            factor = Fraction(p.denominator, p.numerator)
        case Pad() as p:
            parts = (p.share_top, p.share_left)
            sides = [side // p.parts * share if p.parts else 0 for side, share in zip(shape, parts, strict=True)]
            shifts = (-p.top - sides[0], -p.left - sides[1])
    return tuple((a * factor, a * shift + b) for (a, b), shift in zip(axes, shifts, strict=True))  # type: ignore[return-value]
