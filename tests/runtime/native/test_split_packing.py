"""Concatenations that are quantized or narrowed, which the engine does part by part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from slsc.errors import BackendError
from slsc.passes.lowering.nmp import PlanFile
from slsc.runtime.backends.native import NativeRunner


def _narrower(plan: PlanFile) -> PlanFile | None:
    """The plan with a first part that is two columns narrower than the others, where its kernel is so wide."""
    joined = next(op.out for op in plan.ops if op.out_channel)
    ops = list(plan.ops)
    at = next(index for index, op in enumerate(ops) if op.out == joined)
    params = ops[at].params
    if getattr(params, "pad_left", 0) == 0:
        return None
    ops[at] = replace(ops[at], params=params._replace(pad_left=0, pad_right=0))
    return replace(plan, ops=tuple(ops))


@pytest.mark.parametrize("kind", ["int_distilling", "half_distilling"])
def test_parts_of_different_sizes_are_refused(plans, isas, kind):
    """Each part has memory of its own size, but they are packed into one value."""
    made = (_narrower(plans.KINDS[kind](np.random.default_rng(seed))) for seed in range(60))
    broken = [plan for plan in made if plan is not None]
    assert broken
    for plan in broken[:5]:
        image = np.zeros((1, plan.values[0], 20, 20), np.float32)
        for isa in isas:
            with pytest.raises(BackendError, match="parts of one value differ in size"):
                NativeRunner(plan.to_bytes(), 1, isa).run(image)
