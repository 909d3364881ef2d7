"""1x1 convolutions of concatenations: summed part by part where the parts are made far apart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from slsc.passes.bake import BakeMasks
from slsc.passes.base import PassContext
from slsc.passes.graph import initializers
from slsc.passes.lowering import lower
from slsc.passes.lowering.nmp import PlanFile
from slsc.passes.lowering.nmp_ops import Combine, Conv
from slsc.pattern import nm_mask, rank_groups
from slsc.plan import LayerPlan, Plan, mask_digest

WRAP = "g (float[n, 3, h, w] x) => (float[n, 3, h, w] y) {{ {body} z = Conv(c, tail) y = Conv(z, exit) }}"
TALL = "Conv<dilations = [25, 1], pads = [25, 1, 25, 1]>"  # reads 25 rows ahead
BLOCKS = f"a = Conv(x, head) s = {TALL}(a, first) b = {TALL}(s, second) t = {TALL}(b, third) d = {TALL}(t, fourth)"
SHAPES = {
    "head": (8, 3, 1, 1),
    **dict.fromkeys(("first", "second", "third", "fourth"), (8, 8, 3, 3)),
    "tail": (6, 24, 1, 1),
    "exit": (3, 6, 1, 1),
}


@pytest.fixture
def graph(build: Callable) -> Callable:
    """`graph(body, name=shape, ...)`: a 1x1 convolution `tail` of what the body joins as c."""
    return lambda body, **shapes: build(WRAP.format(body=body), **{**SHAPES, **shapes})


def sums(plan: PlanFile) -> int:
    """Convolutions that add to what an earlier one made."""
    return sum(isinstance(op.params, Conv) and op.params.combine == Combine.ADD_THEN_ACT for op in plan.ops)


def test_parts_made_far_apart(graph: Callable, lowers: Callable) -> None:
    plan = lowers(graph(f"{BLOCKS} c = Concat<axis = 1>(a, b, d)"), (150, 37), (30, 7))
    assert sums(plan) == 2
    assert max(plan.values) == 8  # nothing holds all of them


def test_in_another_order_with_bias_and_activation(build: Callable, lowers: Callable) -> None:
    body = f"{BLOCKS} c = Concat<axis = 1>(d, a, b) u = Conv(c, tail, bias) z = LeakyRelu(u) y = Conv(z, exit)"
    text = f"g (float[n, 3, h, w] x) => (float[n, 3, h, w] y) {{ {body} }}"
    plan = lowers(build(text, **SHAPES, bias=(6,)), (150, 37), (30, 7))
    assert sums(plan) == 2


def test_behind_a_mean(graph: Callable, lowers: Callable) -> None:
    body = """a = Conv(x, head) m = GlobalAveragePool(a) b = Mul(a, m) n2 = GlobalAveragePool(b) d = Mul(b, n2)
              c = Concat<axis = 1>(a, b, d)"""
    assert sums(lowers(graph(body), (20, 33), (7, 9))) == 2


@pytest.mark.parametrize(
    "body",
    [
        "a = Conv(x, head) b = Relu(a) d = Relu(b) c = Concat<axis = 1>(a, b, d)",
        f"{BLOCKS} c = Concat<axis = 1>(a, a, d)",
        f"{BLOCKS} e = Concat<axis = 1>(a, b, d) c = Relu(e)",
    ],
    ids=["made together", "one twice", "activated between"],
)
def test_others_stay_whole(graph: Callable, lowers: Callable, body: str) -> None:
    plan = lowers(graph(body), (120, 19))
    assert sums(plan) == 0
    assert max(plan.values) == 24


def test_a_concatenation_that_others_read_stays(build: Callable, lowers: Callable) -> None:
    body = f"{BLOCKS} c = Concat<axis = 1>(a, b, d) z = Conv(c, tail) r = Relu(c) v = Conv(r, tail) p = Add(z, v)"
    text = f"g (float[n, 3, h, w] x) => (float[n, 3, h, w] y) {{ {body} y = Conv(p, exit) }}"
    assert max(lowers(build(text, **SHAPES), (120, 19)).values) == 24


@pytest.mark.parametrize(("m", "parts"), [(4, 2), (8, 2), (16, 0)])
def test_sparse(graph: Callable, lowers: Callable, interpret: Callable, m: int, parts: int) -> None:
    """Parts are whole groups, so that every capacity keeps the same weights; else they stay together."""
    model = graph(f"{BLOCKS} c = Concat<axis = 1>(a, b, d)")
    weight, n = initializers(model)["tail"], m // 2
    ranks = rank_groups(np.abs(weight), m)

    def pruned(kept: int) -> tuple:
        mask = nm_mask(ranks, kept, m)
        plan = Plan((LayerPlan("tail", kept, m, "magnitude", mask_digest(mask)),), "1/8", kept / m, "uniform")
        return BakeMasks(plan, {"tail": weight}, {"tail": mask}).run(model, PassContext()).model, plan

    baked, plan = pruned(n)
    assert sums(lowers(baked, (120, 19), plan=plan)) == parts
    fewer = PlanFile.from_bytes(lower(*pruned(1)))
    image = np.random.default_rng(0).standard_normal((3, 9, 70)).astype(np.float32)
    lowered = PlanFile.from_bytes(lower(baked, plan))
    np.testing.assert_allclose(interpret(lowered, image, 1), interpret(fewer, image), rtol=1e-5, atol=1e-5)
