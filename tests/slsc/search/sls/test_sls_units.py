from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from slsc.errors import UsageError
from slsc.passes.analysis.cost import Cost, LayerCost, plan_cost
from slsc.pattern import RULES, nm_mask, rank_groups
from slsc.search.base import Rules
from slsc.search.sls.units import macs_by_n, require_units, slot_macs, slots_of

CASES = st.tuples(st.sampled_from([4, 8, 16, 32]), st.integers(8, 80), st.sampled_from(RULES), st.integers(0, 999))


def cost_of(*shapes: tuple[int, ...]) -> Cost:
    layers = tuple(LayerCost(f"w{i}", shape, int(np.prod(shape)) * (10 + i), 0, True) for i, shape in enumerate(shapes))
    return Cost((8, 8), (8, 8), layers, (), 0)


@settings(deadline=None)
@given(CASES)
def test_open_slots_are_the_masks_of_the_pattern_and_nest(case: tuple[int, int, str, int]) -> None:
    m, channels, rule, seed = case
    weight = np.random.default_rng(seed).standard_normal((2, channels, 3, 1)).astype(np.float32)
    slots = slots_of(torch.from_numpy(weight), Rules(m, rule)).numpy()
    ranks = rank_groups(np.abs(weight), m, rule)
    previous = np.zeros(weight.shape, bool)
    for n in range(1, m + 1):
        row = np.tile(np.arange(m) < n, 2)
        mask = row[slots]
        np.testing.assert_array_equal(mask, nm_mask(ranks, n, m))
        assert not np.any(previous & ~mask)
        previous = mask


@settings(deadline=None)
@given(st.sampled_from([4, 8, 16, 32]), st.lists(st.integers(8, 100), min_size=1, max_size=4), st.data())
def test_both_ways_to_price_agree_with_the_plan(m: int, channels: list[int], data: st.DataObject) -> None:
    cost = cost_of(*((3, c, 3, 3) for c in channels))
    names = tuple(layer.name for layer in cost.layers)
    keep = {name: data.draw(st.integers(1, m)) for name in names}
    expected = plan_cost(cost, keep, m).prunable_macs
    by_slot, by_n = slot_macs(cost, names, m), macs_by_n(cost, names, m)
    rows = np.array([np.tile(np.arange(m) < keep[name], 2) for name in names])
    assert (by_slot * rows).sum() == expected
    assert sum(by_n[i, keep[name]] for i, name in enumerate(names)) == expected
    assert by_slot.sum() == by_n[:, -1].sum() == cost.prunable_macs


@pytest.mark.parametrize(("rules", "ordered"), [(Rules(256), True), (Rules(32, "magnitude+2:4"), False)])
def test_what_units_cannot_follow_is_refused(rules: Rules, ordered: bool) -> None:
    require_units(Rules(32, "magnitude+2:4"), ordered=True)
    with pytest.raises(UsageError):
        require_units(rules, ordered=ordered)
