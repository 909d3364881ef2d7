"""Budgets and plans, from good and from untrusted values."""

from __future__ import annotations

import contextlib
import hashlib
import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slsc.errors import BudgetError, PlanError, SlscError
from slsc.plan import LayerPlan, Plan, mask_digest, parse_budget

SHA = hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize(
    ("text", "value"),
    [("1/8", Fraction(1, 8)), ("0.125", Fraction(1, 8)), (" 12.5% ", Fraction(1, 8)), ("1", 1), ("100%", 1)],
)
def test_budgets_are_exact(text, value):
    assert parse_budget(text) == value


@pytest.mark.parametrize("text", ["0", "1.01", "-1/8", "101%", "9/8"])
def test_a_budget_outside_0_to_1_says_so(text):
    with pytest.raises(BudgetError, match="outside") as caught:
        parse_budget(text)
    assert caught.value.exit_code == 2 and caught.value.hint


@pytest.mark.parametrize("text", ["", "%", "1/0", "abc", "nan", "inf", "1e-999999999", "1" * 1000])
def test_a_budget_that_is_no_number_says_so(text):
    with pytest.raises(BudgetError, match="not a number"):
        parse_budget(text)


@given(st.text(max_size=60))
def test_any_text_is_a_budget_or_a_budget_error(text):
    with contextlib.suppress(BudgetError):
        assert 0 < parse_budget(text) <= 1


def test_the_digest_tells_shape_and_bits_apart():
    mask = np.zeros((2, 4, 1, 1), bool)
    other = mask.copy()
    other[1, 3] = True
    digests = {mask_digest(array) for array in (mask, mask.reshape(4, 2, 1, 1), other)}
    assert len(digests) == 3
    assert mask_digest(np.asfortranarray(other)) == mask_digest(other)


def plan() -> Plan:
    layers = (LayerPlan("body.0.weight", 4, 32, "magnitude", SHA), LayerPlan("up.weight", 32, 32, "magnitude+2:4", SHA))
    return Plan(layers, "1/8", 0.1249, "oneshot")


def test_a_plan_survives_json():
    assert Plan.from_dict(json.loads(json.dumps(plan().to_dict()))) == plan()
    assert plan().by_name()["up.weight"].n == 32


def damaged(path: tuple, value: object) -> dict:
    data = json.loads(json.dumps(plan().to_dict()))
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return data


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("layers", 0, "n"), 0),
        (("layers", 0, "n"), 33),
        (("layers", 0, "n"), 4.0),
        (("layers", 0, "n"), True),
        (("layers", 0, "m"), 512),
        (("layers", 0, "rule"), "largest"),
        (("layers", 0, "name"), ""),
        (("layers", 0, "name"), "up.weight"),
        (("layers", 0, "mask_sha256"), "xyz"),
        (("layers", 0, "mask_sha256"), SHA.upper()),
        (("layers", 0), {}),
        (("layers", 0), None),
        (("layers",), "text"),
        (("layers",), None),
        (("kept_share",), "much"),
        (("kept_share",), float("nan")),
        (("kept_share",), 1.5),
    ],
)
def test_untrusted_plans_are_plan_errors(path, value):
    with pytest.raises(PlanError):
        Plan.from_dict(damaged(path, value))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_any_json_is_refused_by_a_plan_error(value):
    with pytest.raises(SlscError):
        Plan.from_dict(value)
