from __future__ import annotations

from dataclasses import replace

import pytest

from slsc.passes.lowering.nmp import (
    ABSENT,
    ARRAY,
    FEATURE,
    HEADER,
    OP_HEAD,
    VALUE,
    Act,
    Array,
    ChannelMean,
    DType,
    Op,
    PlanFile,
    Resize,
    ResizeKind,
    Unary,
)

PLAN = PlanFile(
    input=0,
    output=1,
    row_align=6,
    m=32,
    values=(3, 4, 1),
    ops=(
        Op(Unary(3, 0, ABSENT), act=Act.CLIP, act_a=-1.0, act_b=1.0),
        Op(Resize(3, ResizeKind.CUBIC, 0, 2, 1, 0, -0.75), ins=(1, ABSENT), out=2, out_channel=1),
        Op(ChannelMean(3), in_channels=(1, 0), act=Act.PRELU, slopes=1),
    ),
    arrays=(Array(b"\1" * 12), Array(b"\2" * 65, DType.I8, scale=0)),
    features=("one", "two"),
)


def test_records_have_the_sizes_of_the_format() -> None:
    assert [each.size for each in (HEADER, FEATURE, VALUE, ARRAY, OP_HEAD)] == [64, 32, 8, 24, 48]


def test_survives_bytes() -> None:
    assert PlanFile.from_bytes(PLAN.to_bytes()) == PLAN


def test_fields_keep_their_types() -> None:
    _, resize, _ = PlanFile.from_bytes(PLAN.to_bytes()).ops
    assert isinstance(resize.params, Resize)
    assert resize.params.kind is ResizeKind.CUBIC
    assert isinstance(resize.params.cubic, float)


def test_arrays_are_aligned() -> None:
    data = PLAN.to_bytes()
    assert data.index(b"\2" * 65) - data.index(b"\1" * 12) == 64


def test_operations_take_what_their_parameters_do() -> None:
    fewer = replace(PLAN, ops=PLAN.ops[:2])
    assert len(PLAN.to_bytes()) - len(fewer.to_bytes()) == OP_HEAD.size + 4


@pytest.mark.parametrize("size", [0, 47, 100, -1])
def test_a_cut_file_is_none(size: int) -> None:
    with pytest.raises(Exception, match=r"bytes|unpack"):
        PlanFile.from_bytes(PLAN.to_bytes()[:size])


def test_another_version_is_none() -> None:
    data = PLAN.to_bytes()
    with pytest.raises(ValueError, match="version 2"):
        PlanFile.from_bytes(data[:8] + b"\1" + data[9:])
