from __future__ import annotations

from dataclasses import replace

import pytest

from slsc.jobs.profile.operations import BY_ANOTHER, describe, operations
from slsc.passes.lowering.nmp import Act, BinaryKind, Combine, Op, OpType, PlanFile

NONE = (0.0, 0.0, 0.0, 0.0)
CONV = Op(
    type=OpType.CONV,
    act=Act.NONE,
    ins=(0, -1),
    in_channels=(0, 0),
    out=1,
    out_channel=0,
    p=(64, 48, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 8, 0, 1),
    f=NONE,
    arrays=(-1, -1, -1, -1),
)


def with_p(op: Op, **changes: int) -> Op:
    """`op` with the parameters at these places changed: p4=2."""
    places = {int(name[1:]): value for name, value in changes.items()}
    return replace(op, p=tuple(places.get(index, value) for index, value in enumerate(op.p)))


def test_convolutions_in_words() -> None:
    assert describe(CONV, 32) == "conv 3x3 64>48 8:32"
    assert describe(with_p(CONV, p13=0), 32) == "conv 3x3 64>48 dense"
    assert describe(with_p(CONV, p13=32), 32) == "conv 3x3 64>48 dense"
    assert describe(with_p(CONV, p4=2, p5=2, p12=4), 32) == "conv 3x3 64>48 stride 2 groups 4 8:32"
    assert describe(with_p(CONV, p4=2, p3=1), 32) == "conv 3x1 64>48 stride 2x1 8:32"
    added = with_p(CONV, p14=Combine.ADD_THEN_ACT, p15=4)
    assert describe(replace(added, act=Act.LEAKY_RELU), 32) == "conv 3x3 64>48 8:32 add shuffle 4 leaky relu"
    assert "multiply" in describe(with_p(CONV, p14=Combine.ACT_THEN_MUL), 32)


def test_other_operations_in_words() -> None:
    binary = replace(CONV, type=OpType.BINARY, p=(50, BinaryKind.REV_SUB, 0))
    assert describe(binary, 0) == "rev sub 50"
    assert describe(replace(CONV, type=OpType.GLOBAL_MEAN, p=(12,), act=Act.SIGMOID), 0) == "global mean 12 sigmoid"


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
