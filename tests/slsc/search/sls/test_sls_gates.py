from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from slsc.search.sls.gates import Gate, gates, scores, slot_gates, start_of
from slsc.search.sls.settings import OFFICIAL, PAPER, SlsSettings

UNORDERED = replace(PAPER, ordered=False)


def b_of(k: list[float], choices: SlsSettings = PAPER) -> list[float]:
    return gates(scores(torch.tensor([k]), choices), choices)[0].tolist()


def test_golden_extremes() -> None:
    assert b_of([1.0] * 31) == [1.0] * 32
    assert b_of([0.49, *[1.0] * 30]) == [1.0, *[0.0] * 31]


def test_priorities_multiply_up_or_stand_alone() -> None:
    # p = 1, .9, .72, .432: the product of all k before the unit
    assert b_of([0.9, 0.8, 0.6]) == [1, 1, 1, 0]
    assert b_of([0.9, 0.3, 0.6], UNORDERED) == [1, 1, 0, 1]


def test_k_is_used_within_its_bounds() -> None:
    assert b_of([-1.0, 5.0, 5.0]) == [1, 0, 0, 0]
    # 1.03 * 0.49 = 0.5047: only the official code's headroom lifts it above the threshold.
    assert b_of([2.0, 0.49]) == [1, 1, 0]
    assert b_of([2.0, 0.49], OFFICIAL) == [1, 1, 1]


@settings(deadline=None)
@given(st.lists(st.floats(0, 1.25, width=32), min_size=1, max_size=31))
def test_ordered_units_leave_from_the_end(k: list[float]) -> None:
    b = b_of(k)
    assert b == sorted(b, reverse=True) and b[0] == 1 and set(b) <= {0.0, 1.0}


def test_straight_through_gradient_by_hand() -> None:
    """d/dk_j of sum c_i p_i is the sum over later units of c_i times the product of the other k before i."""
    k, cost = torch.tensor([[0.9, 0.8, 0.3]], requires_grad=True), torch.tensor([[2.0, 3.0, 5.0, 7.0]])
    (gates(scores(k, PAPER), PAPER) * cost).sum().backward()
    first = 3 + 5 * 0.8 + 7 * 0.8 * 0.3
    second = 5 * 0.9 + 7 * 0.9 * 0.3
    third = 7 * 0.9 * 0.8
    assert k.grad is not None
    torch.testing.assert_close(k.grad, torch.tensor([[first, second, third]]))


def test_no_gradient_outside_the_bounds() -> None:
    k = torch.tensor([[1.05, 0.8]], requires_grad=True)
    gates(scores(k, OFFICIAL), OFFICIAL).sum().backward()
    assert k.grad is not None and k.grad[0, 0] == 0 and k.grad[0, 1] > 0


def test_short_groups_see_open_gates_first() -> None:
    b = torch.tensor([[1.0, 0.0, 1.0, 1.0]])
    assert slot_gates(b, UNORDERED).tolist() == [[1, 0, 1, 1, 1, 1, 1, 0]]
    assert slot_gates(b, PAPER).tolist() == [[1, 0, 1, 1, 1, 0, 1, 1]]


@pytest.mark.parametrize("choices", [PAPER, UNORDERED, OFFICIAL])
@pytest.mark.parametrize("m", [4, 8, 16, 32])
def test_starts_keep_what_they_are_asked_to(m: int, choices: SlsSettings) -> None:
    for n in range(1, m + 1):
        assert sum(b_of(start_of(n, m).tolist(), choices)) == n


@pytest.mark.parametrize("choices", [PAPER, UNORDERED, OFFICIAL])
def test_units_behind_the_start_stay_shut_however_much_the_open_ones_matter(choices: SlsSettings) -> None:
    k = start_of(3, 8).requires_grad_()
    optimizer = torch.optim.Adam([k], 0.1)
    for _ in range(30):
        optimizer.zero_grad()
        (-gates(scores(k[None], choices), choices)[0, :3].sum()).backward()
        optimizer.step()
    assert sum(b_of(k.tolist(), choices)) == 3


def test_gating_agrees_with_numeric_gradients() -> None:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(2, 5, 2, 2, generator=generator, dtype=torch.double, requires_grad=True)
    row = torch.rand(8, generator=generator, dtype=torch.double, requires_grad=True)
    slots = torch.randint(8, weight.shape, generator=generator, dtype=torch.uint8)
    torch.testing.assert_close(Gate.apply(weight, row, slots), weight * row[slots.long()])
    assert torch.autograd.gradcheck(lambda w, r: Gate.apply(w, r, slots), (weight, row))
