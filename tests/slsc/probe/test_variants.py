"""Ranges that are easily taken for another one."""

from __future__ import annotations

import pytest

from slsc.probe.convention import CAFFE, CENTRED, CLIP, DIV2K, IMAGENET, LEVELS, SIGNED, Convention, Form
from slsc.probe.variants import is_rare, moved, siblings, stretched, with_input
from slsc.runtime.bundle.value_range import UNIT, ValueRange


def inputs(order: str, values: ValueRange) -> set[ValueRange]:
    return {one.input for one in siblings(Convention(order, values, values))}


def test_means_of_photos_follow_the_order_of_colours() -> None:
    assert CAFFE in inputs("BGR", LEVELS) and CAFFE not in inputs("RGB", LEVELS)
    assert DIV2K in inputs("RGB", LEVELS)
    assert not {DIV2K, ValueRange(DIV2K.low[::-1], DIV2K.high[::-1])} & inputs("BGR", LEVELS)


def test_luma_has_no_means_by_colour() -> None:
    assert inputs("Y", UNIT) == {CENTRED}


def test_a_range_is_none_of_its_own_siblings_and_they_are_mutual() -> None:
    for values in (UNIT, LEVELS, SIGNED, IMAGENET):
        found = inputs("RGB", values)
        assert values not in found
        assert all(values in inputs("RGB", other) for other in found)


@pytest.mark.parametrize(("values", "rare"), [(CLIP, True), (IMAGENET, False), (UNIT, False)])
def test_clips_values_are_rare_in_either_order(values: ValueRange, rare: bool) -> None:
    convention = Convention("RGB", values, values)
    assert is_rare(convention) is is_rare(convention.turned("BGR")) is rare


def test_the_output_goes_along_where_it_was_as_the_input() -> None:
    plain, residual = Convention("RGB", UNIT, UNIT), Convention("RGB", SIGNED, SIGNED, Form.ADD)
    assert with_input(plain, LEVELS).output == LEVELS
    assert with_input(residual, LEVELS).output == LEVELS
    assert with_input(Convention("RGB", UNIT, SIGNED), LEVELS).output == SIGNED
    assert stretched(plain, 2.0).output == ValueRange.uniform(0, 2)
    assert moved(plain, -0.5).input == CENTRED
