"""Operations on one pixel at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from plans.basics import Random, floats, plan, random_act
from slsc.passes.lowering.nmp import (
    ABSENT,
    Act,
    Binary,
    BinaryKind,
    ChannelMean,
    GlobalMean,
    Op,
    PlanFile,
    Spread,
    Unary,
)


def binary(rng: Random) -> PlanFile:
    """Two inputs, the second in any spread."""
    channels, spread = int(rng.integers(1, 9)), Spread(int(rng.integers(3)))
    kind = BinaryKind(int(rng.integers(len(BinaryKind))))
    # The divisor stays away from 0: scale 0.1 and shift 3.
    arrays = [np.full(channels, 0.1, np.float32), np.full(channels, 3, np.float32), floats(rng, channels)]
    ops = [Op(Unary(channels, scale=0, shift=1))]
    values = [channels, channels]
    own = spread == Spread.CHANNEL and rng.random() < 0.5  # one of its own channels
    if spread != Spread.SAME and not own:
        mean = GlobalMean(channels) if spread == Spread.PIXEL else ChannelMean(channels)
        ops.append(Op(mean, ins=(1, ABSENT), out=2))
        values.append(channels if spread == Spread.PIXEL else 1)
    ins = (1 if own or kind in (BinaryKind.DIV, BinaryKind.REV_DIV) else 0, len(values) - 1)
    in_channels = (0, int(rng.integers(channels)) if own else 0)
    act = _sloped(rng, 0.3)
    ops.append(Op(Binary(channels, kind, spread), ins=ins, in_channels=in_channels, out=len(values), **act))
    return plan([*values, channels], ops, arrays)


def unary(rng: Random) -> PlanFile:
    """Scale, shift and activation."""
    channels = int(rng.integers(1, 9))
    arrays = [3 * floats(rng, channels), floats(rng, channels), floats(rng, channels)]
    scale, shift = (index if rng.random() < 0.7 else ABSENT for index in (0, 1))
    return plan([channels, channels], [Op(Unary(channels, scale, shift), **_sloped(rng, 0.2))], arrays)


def root(rng: Random) -> PlanFile:
    """A square root of squares."""
    channels = int(rng.integers(1, 5))
    squares = Op(Binary(channels, BinaryKind.MUL, Spread.SAME), ins=(0, 0), act=Act.SQRT)
    return plan([channels, channels], [squares], [])


def _sloped(rng: Random, share: float) -> dict[str, Any]:
    """An activation, a share of them PReLUs of array 2."""
    act = random_act(rng)
    return {"act": Act.PRELU, "slopes": 2} if rng.random() < share else {**act}
