"""Operations that move or gather pixels."""

from __future__ import annotations

import math

from plans.basics import SMALLEST, Random, plan
from slsc.passes.lowering.nmp import ABSENT, Op, PlanFile
from slsc.passes.lowering.nmp_ops import (
    Coordinates,
    DepthToSpace,
    GlobalMean,
    Pad,
    PadKind,
    Pool,
    PoolKind,
    Resize,
    ResizeKind,
    Rounding,
    SpaceToDepth,
)

NOTHING = (0, 0, 0, 0)


def pool(rng: Random) -> PlanFile:
    """Max and average pooling."""
    channels = int(rng.integers(1, 5))
    kh, kw = (int(k) for k in rng.integers(1, 6, 2))
    sh, sw = (int(s) for s in rng.integers(1, 4, 2))
    top, left, bottom, right = (int(rng.integers(k)) for k in (kh, kw, kh, kw))
    ceil, kind = int(rng.integers(2)), PoolKind(int(rng.integers(3)))
    one = Op(Pool(channels, kind, kh, kw, sh, sw, top, left, bottom, right, ceil))
    return plan([channels, channels], [one], [], row_align=math.lcm(sh, sw))


def resize(rng: Random) -> PlanFile:
    """Resizing by a factor."""
    channels, up, down = int(rng.integers(1, 5)), int(rng.integers(1, 5)), int(rng.choice([1, 1, 2, 3]))
    return plan([channels, channels], [Op(_resize(rng, channels, up, down))], [], row_align=down)


def resize_to(rng: Random) -> PlanFile:
    """A pooled image resized to the whole one's size, or a pixel spread over it."""
    channels = int(rng.integers(1, 5))
    kh, kw = (int(side) for side in rng.integers(1, 4, 2))
    pixel = rng.random() < 0.2
    window = Pool(channels, PoolKind.AVERAGE, kh, kw, kh, kw, *NOTHING, ceil_mode=int(rng.integers(2)))
    small = Op(GlobalMean(channels) if pixel else window)
    back = Op(_resize(rng, channels, 0, 0), ins=(1, 0), out=2)
    return plan([channels, channels, channels], [small, back], [], row_align=1 if pixel else math.lcm(kh, kw))


def _resize(rng: Random, channels: int, up: int, down: int) -> Resize:
    kind, coordinates = ResizeKind(int(rng.integers(3))), Coordinates(int(rng.integers(4)))
    rounding, cubic = Rounding(int(rng.integers(4))), float(rng.choice([-0.75, -0.5]))
    return Resize(channels, kind, coordinates, up, down, rounding, cubic)


def pad(rng: Random) -> PlanFile:
    """Padding, cropping, or both."""
    channels, kind = int(rng.integers(1, 5)), PadKind(int(rng.integers(3)))
    top, left, bottom, right = (int(amount) for amount in rng.integers(-4, SMALLEST, 4))
    params = Pad(channels, kind, top, left, bottom, right, *NOTHING, parts=0, value=0.5)
    return plan([channels, channels], [Op(params)], [])


def shares(rng: Random) -> PlanFile:
    """Some of the parts of an enlarged image cut out, and put back where they were."""
    channels, parts = int(rng.integers(1, 4)), int(rng.integers(2, 5))
    kept = int(rng.integers(1, parts))
    top, left = (int(first) for first in rng.integers(parts - kept + 1, size=2))
    bottom, right = parts - kept - top, parts - kept - left
    enlarged = Resize(channels, ResizeKind.LINEAR, Coordinates.HALF_PIXEL, parts, 1, Rounding.PREFER_FLOOR, 0.0)
    cut = Pad(channels, PadKind.CONSTANT, *NOTHING, -top, -left, -bottom, -right, parts, 0.0)
    back = Pad(channels, PadKind.CONSTANT, *NOTHING, top, left, bottom, right, kept, 0.5)
    ops = [Op(enlarged), Op(cut, ins=(1, ABSENT), out=2), Op(back, ins=(2, ABSENT), out=3)]
    return plan([channels] * 4, ops, [])


def shuffles(rng: Random) -> PlanFile:
    """Depth to space and back, which orders channels otherwise."""
    channels, r = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    ops = [Op(DepthToSpace(channels * r * r, r)), Op(SpaceToDepth(channels, r), ins=(1, ABSENT), out=2)]
    return plan([channels * r * r, channels, channels * r * r], ops, [])
