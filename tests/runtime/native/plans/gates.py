"""Plans whose convolutions gate the sum that they make with another value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from plans.basics import Random
from plans.convolutions import combined, combined_shuffled
from plans.halves import half_convs
from plans.integers import int_convs
from slsc.passes.lowering.nmp import ABSENT, GATES, Op, PlanFile
from slsc.passes.lowering.nmp_ops import Act, Combine, HalfConv, IntConv
from slsc.passes.lowering.nmp_ops import Conv as FloatConv

COMBINED = (combined, combined_shuffled, int_convs, half_convs)
"""None that quantizes what it combines: sigmoids differ in their last bit, and so would the integers."""


def gates(rng: Random) -> PlanFile:
    """Of another kind of plan, all convolutions that combine: in float32, integers or bfloat16."""
    plan = COMBINED[rng.integers(len(COMBINED))](rng)
    ops = tuple(_gated(op, float(np.float32(rng.uniform(-1, 1)))) for op in plan.ops)
    return replace(plan, ops=ops, features=(*plan.features, GATES))


def _gated(op: Op, shift: float) -> Op:
    if not isinstance(op.params, FloatConv | IntConv | HalfConv) or op.params.combine == Combine.NONE:
        return op
    params = op.params._replace(combine=Combine.ADD_TIMES_GATE)
    return replace(op, params=params, act=Act.SIGMOID, act_b=shift, slopes=ABSENT)
