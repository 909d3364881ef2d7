"""Several engines of one network in one plan file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx
import pytest

from slsc.passes.bake import BakeMasks
from slsc.passes.base import PassContext
from slsc.passes.graph import initializers
from slsc.passes.lowering import LoweringRefusal, lower, lower_ladder
from slsc.passes.lowering.nmp import PlanFile
from slsc.pattern import nm_mask, rank_groups
from slsc.plan import LayerPlan, Plan, mask_digest
from slsc.runtime.backends.native import NativeRunner

TEXT = """g (float[n, 3, h, w] x) => (float[n, 3, h, w] y) {
    a = Conv<pads = [1, 1, 1, 1]>(x, first, bias) b = Relu(a) c = Conv<pads = [1, 1, 1, 1]>(b, second) y = Conv(c, last)
}"""
SHAPES = {"first": (32, 3, 3, 3), "bias": (32,), "second": (16, 32, 3, 3), "last": (3, 16, 1, 1)}
Candidate = tuple[onnx.ModelProto, Plan | None]


@pytest.fixture
def model(build: Callable) -> onnx.ModelProto:
    return build(TEXT, **SHAPES)


def pruned(model: onnx.ModelProto, kept: int, scale: float = 1.0) -> Candidate:
    """`second` at kept:32."""
    weight = initializers(model)["second"] * np.float32(scale)
    mask = nm_mask(rank_groups(np.abs(weight), 32), kept, 32)
    plan = Plan((LayerPlan("second", kept, 32, "magnitude", mask_digest(mask)),), "1/8", kept / 32, "uniform")
    return BakeMasks(plan, {"second": weight}, {"second": mask}).run(model, PassContext()).model, plan


def check(candidates: Sequence[Candidate], isas: Sequence[str]) -> PlanFile:
    """Every candidate of the ladder has the bits of its own plan."""
    data = lower_ladder(candidates)
    image = np.random.default_rng(0).standard_normal((1, 3, 30, 41)).astype(np.float32)
    for isa in isas:
        runner = NativeRunner(data, 1, isa)
        for index, candidate in enumerate(candidates):
            runner.set_candidate(index)
            np.testing.assert_array_equal(runner.run(image), NativeRunner(lower(*candidate), 1, isa).run(image))
    return PlanFile.from_bytes(data)


def test_nested_masks_share_their_weights(model, isas):
    plan = check([pruned(model, kept) for kept in (2, 4, 8)], isas)
    assert [len(op.sets) for op in plan.ops] == [0, 2, 0]
    whole = plan.ops[1].weight_set
    assert [(each.weights, each.positions, each.kept) for each in plan.ops[1].sets] == [
        (whole.weights, whole.positions, kept) for kept in (2, 4)
    ]
    assert len(plan.arrays) == len(PlanFile.from_bytes(lower(*pruned(model, 8))).arrays)


def test_weights_of_their_own(model, isas):
    plan = check([pruned(model, 4, scale=-0.5), pruned(model, 4), (model, None)], isas)
    own = [each.weights for each in (*plan.ops[1].sets, plan.ops[1].weight_set)]
    assert len(set(own)) == 3
    assert [each.n for each in plan.ops[1].sets] == [4, 4]


def test_one_candidate_is_no_ladder(model):
    assert lower_ladder([pruned(model, 4)]) == lower(*pruned(model, 4))


def test_other_topologies_are_refused_by_name(model, build):
    other = build(TEXT.replace("b = Relu(a)", "b = Sigmoid(a)"), **SHAPES)
    with pytest.raises(LoweringRefusal, match="candidate 0 cannot share a pass") as refused:
        lower_ladder([(other, None), pruned(model, 4)])
    assert "another operation" in str(refused.value)
    longer = build(TEXT.replace("y = Conv(c, last)", "d = Conv(c, last) y = Exp(d)").replace("Exp", "Tanh"), **SHAPES)
    with pytest.raises(LoweringRefusal, match="candidate 0"):
        lower_ladder([(longer, None), (model, None)])
    wider = build(TEXT, **{**SHAPES, "second": (20, 32, 3, 3), "last": (3, 20, 1, 1)})
    with pytest.raises(LoweringRefusal, match="candidate 1"):
        lower_ladder([(model, None), (wider, None), (model, None)])
