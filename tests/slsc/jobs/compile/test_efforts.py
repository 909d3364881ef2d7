"""The named efforts of a compilation."""

from __future__ import annotations

import pytest

from slsc.errors import UsageError
from slsc.jobs.compile.efforts import EFFORTS, effort_of
from slsc.jobs.type.wanted import Precision


def test_an_effort_is_found_by_its_name_and_takes_longer_than_the_one_before():
    seconds = [0.0 if effort is None else effort.training.horizon.seconds for effort in map(effort_of, EFFORTS)]
    assert seconds == sorted(set(seconds))
    with pytest.raises(UsageError, match=r"'heroic'.*none, brief, fast, thorough"):
        effort_of("heroic")


@pytest.mark.parametrize("name", [name for name in EFFORTS if name != "none"])
@pytest.mark.parametrize("precision", ["float32", "fp16", "int8", "auto"])
def test_what_comes_before_roundings_and_goes_through_them_is_no_longer_than_the_effort(name, precision):
    effort, lessons = effort_of(name), Precision(precision).lessons
    whole, before = effort.training.horizon, effort.before_rounding(lessons).training.horizon
    each = [effort.rounding(lessons).horizon for _ in range(lessons)]
    assert before.steps + sum(part.steps for part in each) <= whole.steps
    assert before.seconds + sum(part.seconds for part in each) <= whole.seconds
    assert before.steps >= 0.7 * whole.steps and (lessons or before == whole)
    assert not lessons or sum(part.steps for part in each) > 0.2 * whole.steps
