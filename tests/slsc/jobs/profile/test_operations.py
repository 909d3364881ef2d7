from __future__ import annotations

from dataclasses import replace

import pytest

from slsc.jobs.profile.operations import BY_ANOTHER, describe, node_operations, operations
from slsc.passes.lowering.nmp import ABSENT, Op, PlanFile
from slsc.passes.lowering.nmp_ops import Act, Binary, BinaryKind, Combine, Conv, GlobalMean, HalfConv, IntConv, Spread
from slsc.runtime.backends import NodeTimes

CONV = Op(
    Conv(
        64,
        48,
        *(3, 3),
        *(1, 1),
        *(1, 1, 1, 1),
        *(1, 1),
        groups=1,
        n=8,
        combine=Combine.NONE,
        shuffle=1,
        weights=ABSENT,
        positions=ABSENT,
        bias=ABSENT,
    )
)


def changed(**params: int) -> Op:
    """`CONV` with other parameters."""
    return replace(CONV, params=CONV.params._replace(**params))


def test_convolutions_in_words() -> None:
    assert describe(CONV, 32) == "conv 3x3 64>48 8:32"
    assert describe(changed(n=0), 32) == "conv 3x3 64>48 dense"
    assert describe(changed(n=32), 32) == "conv 3x3 64>48 dense"
    assert describe(changed(stride_h=2, stride_w=2, groups=4), 32) == "conv 3x3 64>48 stride 2 groups 4 8:32"
    assert describe(changed(stride_h=2, kernel_w=1), 32) == "conv 3x1 64>48 stride 2x1 8:32"
    added = changed(combine=Combine.ADD_THEN_ACT, shuffle=4)
    assert describe(replace(added, act=Act.LEAKY_RELU), 32) == "conv 3x3 64>48 8:32 add shuffle 4 leaky relu"
    assert "multiply" in describe(changed(combine=Combine.ACT_THEN_MUL), 32)


def test_other_operations_in_words() -> None:
    integers = IntConv(*CONV.params, 0.5, 3, 0.25, 128)
    assert describe(replace(CONV, params=integers), 32) == "int conv 3x3 64>48 8:32"
    assert describe(replace(CONV, params=HalfConv(*CONV.params)), 32) == "half conv 3x3 64>48 8:32"
    assert describe(Op(Binary(50, BinaryKind.REV_SUB, Spread.SAME)), 0) == "rev sub 50"
    assert describe(Op(GlobalMean(12), act=Act.SIGMOID), 0) == "global mean 12 sigmoid"


def test_operations() -> None:
    plan = PlanFile(0, 1, row_align=1, m=32, values=(64, 48), ops=(CONV, CONV), arrays=()).to_bytes()
    first, second = operations(plan, [(3e-3, 1e-3), (1e-3, 1e-3), (2e-3, 1e-3)], [10**9, 0])
    assert (first.index, first.ms, first.gmac) == (0, pytest.approx(2), 1)
    assert first.share == pytest.approx(2 / 3)
    assert first.gflops == pytest.approx(1000)
    assert (second.gmac, second.gflops, second.share) == (0, 0, pytest.approx(1 / 3))


def test_a_convolution_that_another_does() -> None:
    plan = PlanFile(0, 1, row_align=1, m=32, values=(64, 48), ops=(CONV, CONV), arrays=()).to_bytes()
    first, second = operations(plan, [(1e-7, 1e-3)], [0, 10**9])
    assert first.what == describe(CONV, 32) + BY_ANOTHER
    assert second.what == describe(CONV, 32)


def test_nodes() -> None:
    first, second = node_operations(
        [NodeTimes("Conv", (3e-3, 1e-3, 2e-3), 10**9), NodeTimes("Concat", (1e-3, 1e-3, 1e-3), None)]
    )
    assert (first.index, first.what, first.ms, first.gmac) == (0, "Conv", pytest.approx(2), 1)
    assert (first.share, first.gflops) == (pytest.approx(2 / 3), pytest.approx(1000))
    assert (second.gmac, second.gflops) == (None, None), "not told, which is not nothing"
