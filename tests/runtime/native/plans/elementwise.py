"""Operations on one pixel at a time."""

from __future__ import annotations

import numpy as np

from plans.basics import Random, floats, op, plan, random_act
from slsc.passes.lowering.nmp import Act, BinaryKind, OpType, PlanFile, Spread


def binary(rng: Random) -> PlanFile:
    """Two inputs, the second in any spread."""
    channels, spread = int(rng.integers(1, 9)), Spread(int(rng.integers(3)))
    kind = BinaryKind(int(rng.integers(len(BinaryKind))))
    act, f = random_act(rng)
    # The divisor stays away from 0: scale 0.1 and shift 3.
    arrays = [np.full(channels, 0.1, np.float32), np.full(channels, 3, np.float32), floats(rng, channels)]
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
    act, f = random_act(rng)
    arrays = [3 * floats(rng, channels), floats(rng, channels), floats(rng, channels)]
    slopes = rng.random() < 0.2
    chosen = [index if rng.random() < 0.7 else -1 for index in (0, 1)]
    one = op(OpType.UNARY, channels, act=Act.PRELU if slopes else act, f=f, arrays=(*chosen, -1, 2 if slopes else -1))
    return plan([channels, channels], [one], arrays)


def root(rng: Random) -> PlanFile:
    """A square root of squares."""
    channels = int(rng.integers(1, 5))
    ops = [op(OpType.BINARY, channels, BinaryKind.MUL, Spread.SAME, ins=(0, 0), act=Act.SQRT)]
    return plan([channels, channels], ops, [])
