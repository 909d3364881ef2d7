"""The rules a search is given."""

from __future__ import annotations

import pytest

from slsc.errors import UsageError
from slsc.search.base import Rules


def test_2to4_needs_groups_of_whole_windows():
    with pytest.raises(UsageError, match="M = 6"):
        Rules(6, "magnitude+2:4")
    assert Rules(6).m == 6 and Rules(8, "magnitude+2:4").m == 8
