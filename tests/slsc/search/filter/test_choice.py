from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slsc.errors import BudgetError, ModelError
from slsc.passes.analysis.cost import costs
from slsc.passes.graph import initializers
from slsc.passes.narrowing import follow_channels, narrow_share
from slsc.search.filter.choice import WidthChoice, filter_norms


@pytest.fixture(scope="module")
def choice(trunk) -> WidthChoice:
    network = trunk()
    channels = follow_channels(network.model)
    return WidthChoice(channels, network.cost, filter_norms(channels, initializers(network.model)))


def test_norms_sum_over_all_filters_that_make_a_channel(trunk, choice) -> None:
    held = initializers(trunk().model)
    of_the_trunk = [np.abs(held[name]).sum((1, 2, 3), dtype=np.float64) for name in ("head_w", "c_w")]
    classes = choice.channels.values["trunk"]
    np.testing.assert_allclose(choice.norms[classes], sum(of_the_trunk))
    # A weight that is used twice makes the channels of both uses, and counts once.
    shared = choice.channels.values["a"]
    np.testing.assert_array_equal(shared, choice.channels.values["d"])
    np.testing.assert_allclose(choice.norms[shared], np.abs(held["a_w"]).sum((1, 2, 3), dtype=np.float64))


def test_the_strongest_of_every_width_stay(choice) -> None:
    keep = choice.keep(Fraction(3, 8))
    for width in choice.channels.widths:
        classes = np.array(width.classes)
        assert keep[classes].sum() == 6
        assert choice.norms[classes[keep[classes]]].min() > choice.norms[classes[~keep[classes]]].max()


@given(st.fractions(0, 1), st.fractions(0, 1))
def test_larger_shares_keep_larger_sets(choice, one, other) -> None:
    small, large = sorted((one, other))
    assert np.all(choice.keep(small) <= choice.keep(large))
    assert choice.keep(small)[0]


@given(st.fractions(Fraction(1, 20), 1))
def test_the_widest_network_within_the_budget(choice, budget) -> None:
    keep, share = choice.within(budget)
    assert share == narrow_share(choice.cost, choice.channels, keep) <= budget
    (left,) = {int(keep[list(width.classes)].sum()) for width in choice.channels.widths}
    if left < 16:
        wider = choice.keep(Fraction(left + 1, 16))
        assert narrow_share(choice.cost, choice.channels, wider) > budget


def test_a_budget_below_one_channel_each_is_refused(choice) -> None:
    with pytest.raises(BudgetError, match=r"cannot be reached: .*one channel .*use --budget 0.00") as caught:
        choice.within(Fraction(1, 10_000))
    assert caught.value.exit_code == 3


def test_a_network_without_hidden_channels_is_refused(build_model) -> None:
    model = build_model("t (float[n,3,h,w] x) => (float[n,3,h,w] y) { y = Conv(x, w) }", w=(3, 3, 1, 1))
    channels = follow_channels(model)
    with pytest.raises(ModelError, match="no channel can be removed"):
        WidthChoice(channels, costs(model, (8, 8)), np.zeros(channels.count)).within(Fraction(1, 2))
