from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from slsc.pattern import RULES, nm_mask, rank_groups
from slsc.search.base import Rules
from slsc.search.ranking import limits, rank_weights


@st.composite
def weights(draw: st.DrawFn) -> tuple[np.ndarray, Rules]:
    """Up to 3 x 70 x 2 x 2, half of them with many ties and zeros."""
    rules = Rules(draw(st.sampled_from([4, 8, 16, 32])), draw(st.sampled_from(RULES)))
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 70)), *draw(st.sampled_from([(), (1, 1), (2, 2)])))
    values = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).standard_normal(shape)
    return (np.round(values) if draw(st.booleans()) else values).astype(np.float32), rules


@settings(deadline=None)
@given(weights())
def test_ranks_are_those_of_the_pattern(drawn: tuple[np.ndarray, Rules]) -> None:
    weight, rules = drawn
    found = rank_weights(torch.from_numpy(weight), rules)
    assert found.dtype == torch.uint8
    np.testing.assert_array_equal(found.numpy(), rank_groups(np.abs(weight), rules.m, rules.rule))


@pytest.mark.parametrize("channels", [32, 50, 7])
@pytest.mark.parametrize("n", [1, 4, 9, 32])
def test_limits_make_the_mask_of_the_pattern(channels: int, n: int) -> None:
    weight = torch.randn(3, channels, 3, 3, generator=torch.Generator().manual_seed(0))
    ranks = rank_weights(weight, Rules(32))
    mask = ranks < limits(channels, n, Rules(32), 4)
    np.testing.assert_array_equal(mask.numpy(), nm_mask(ranks.numpy(), n, 32))
