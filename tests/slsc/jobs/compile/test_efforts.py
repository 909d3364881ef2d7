"""The named efforts of a compilation."""

from __future__ import annotations

import pytest

from slsc.errors import UsageError
from slsc.jobs.compile.efforts import EFFORTS, effort_of


def test_an_effort_is_found_by_its_name_and_takes_longer_than_the_one_before():
    seconds = [0.0 if effort is None else effort.training.horizon.seconds for effort in map(effort_of, EFFORTS)]
    assert seconds == sorted(set(seconds))
    with pytest.raises(UsageError, match=r"'heroic'.*none, brief, fast, thorough"):
        effort_of("heroic")
