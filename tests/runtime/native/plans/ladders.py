"""Plans of several candidates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from plans.basics import Random
from plans.convolutions import combined, combined_shuffled, ending, one
from plans.networks import attention, blocks, distilling, network
from slsc.passes.lowering.nmp import ABSENT, WEIGHT_SETS, Array, DType, Op, PlanFile
from slsc.passes.lowering.nmp_ops import Conv


def ladder(rng: Random) -> PlanFile:
    """A network of any kind with two or three candidates."""
    kinds: list[Callable[[Random], PlanFile]] = [
        lambda rng: one(rng, sparse=True), combined, combined_shuffled, ending, attention, network, blocks, distilling
    ]  # fmt: skip
    return laddered(kinds[rng.integers(len(kinds))](rng), rng, int(rng.integers(2, 4)))


def laddered(plan: PlanFile, rng: Random, candidates: int) -> PlanFile:
    """A plan with more candidates: at random, a convolution's weights are others, fewer, or the same."""
    arrays = list(plan.arrays)

    def other(index: int) -> int:
        if index == ABSENT:
            return ABSENT
        numbers = plan.floats(index)
        arrays.append(Array((rng.permutation(numbers) * np.float32(rng.choice([-1, 0.5]))).tobytes()))
        return len(arrays) - 1

    def further(op: Op) -> Op:
        kind = rng.integers(4)
        if not isinstance(op.params, Conv) or kind == 0 or plan.arrays[op.params.weights].dtype != DType.F32:
            return op
        own = op.weight_set
        if kind == 1 and own.positions != ABSENT:
            kept = sorted(int(rng.integers(1, own.n + 1)) for _ in range(candidates - 1))
            return replace(op, sets=tuple(own._replace(kept=each, bias=other(own.bias)) for each in kept))
        sets = [
            own._replace(weights=other(own.weights), bias=other(own.bias), slopes=other(own.slopes))
            for _ in range(candidates - 1)
        ]
        return replace(op, sets=tuple(sets))

    ops = tuple(further(op) for op in plan.ops)
    return replace(plan, ops=ops, arrays=tuple(arrays), features=(*plan.features, WEIGHT_SETS))
