from __future__ import annotations

import pytest

from slsc.passes.lowering.nmp import ARRAY, HEADER, OP, VALUE, Act, Op, OpType, PlanFile

PLAN = PlanFile(
    input=0,
    output=1,
    row_align=6,
    m=32,
    values=(3, 4),
    ops=(Op(OpType.UNARY, Act.CLIP, (0, -1), (0, 0), 1, 0, (3, *[0] * 15), (0.0, 0.0, -1.0, 1.0), (0, -1, -1, -1)),),
    arrays=(b"\1" * 12, b"\2" * 65),
)


def test_records_have_the_sizes_of_the_header_file() -> None:
    assert (HEADER.size, VALUE.size, ARRAY.size, OP.size) == (48, 4, 16, 128)


def test_survives_bytes() -> None:
    assert PlanFile.from_bytes(PLAN.to_bytes()) == PLAN


def test_arrays_are_aligned() -> None:
    data = PLAN.to_bytes()
    assert data.index(b"\2" * 65) - data.index(b"\1" * 12) == 64


@pytest.mark.parametrize("size", [0, 47, 100, -1])
def test_a_cut_file_is_none(size: int) -> None:
    with pytest.raises(Exception, match=r"bytes|unpack"):
        PlanFile.from_bytes(PLAN.to_bytes()[:size])
