"""Operations that move or gather pixels."""

from __future__ import annotations

from plans.basics import SMALLEST, Random, op, plan
from slsc.passes.lowering.nmp import OpType, PlanFile


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
