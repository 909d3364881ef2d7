"""Which layers are left in 8 bits."""

from __future__ import annotations

import math

import pytest

from slsc.quantize.choice import Sensitivity, choose

RISES = {"a": 1e-6, "b": 1e-5, "c": 1e-3, "d": 2e-6}
MACS = {"a": 100, "b": 100, "c": 100, "d": 10, "head": 50}
SENSITIVITY = Sensitivity(RISES, MACS, 1e-3)


def true_loss(share: float):
    return lambda layers: share * SENSITIVITY.loss(layers)


def test_least_loss_for_the_macs_saved_goes_first() -> None:
    assert SENSITIVITY.order() == ["a", "b", "d", "c"], "d loses more than b for what it saves"
    assert SENSITIVITY.loss([]) == 0
    assert SENSITIVITY.loss(["c"]) == pytest.approx(10 * math.log10(2))


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5, 1.0, 2.0, 8.0])
def test_what_is_measured_decides(share: float) -> None:
    measured = []

    def measure(layers: tuple[str, ...]) -> float:
        measured.append(layers)
        return true_loss(share)(layers)

    layers, loss = choose(SENSITIVITY, 0.06, measure)
    assert loss <= 0.06 and loss == true_loss(share)(layers)
    assert set(layers) == max((set(each) for each in measured if true_loss(share)(each) <= 0.06), key=len)
    more = SENSITIVITY.order()[len(layers) :]
    assert not more or loss > 0.03 or true_loss(share)([*layers, more[0]]) > 0.06
    assert len(measured) == len(set(measured)) <= 4


def test_none_where_every_layer_loses_too_much() -> None:
    assert choose(SENSITIVITY, 1e-6, true_loss(1.0)) == ((), math.inf)


def test_a_gain_is_within_any_loss() -> None:
    assert choose(SENSITIVITY, 0.03, lambda layers: -0.01) == (tuple(RISES), -0.01)
