from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slsc.errors import UsageError
from slsc.trainer.schedule import SHAPES, WARMUP_STEPS, Horizon, Schedule


@given(st.sampled_from(SHAPES), st.integers(0, 10**6), st.floats(0, 1))
def test_the_rate_warms_up_and_never_rises_afterwards(shape: str, step: int, fraction: float) -> None:
    schedule = Schedule(1e-3, shape, milestones=(0.5, 0.75))
    rate = schedule.rate(step, fraction)
    assert 0 <= rate <= 1e-3
    assert rate >= schedule.rate(step, min(1, fraction + 0.1))
    assert rate <= schedule.rate(step + WARMUP_STEPS, fraction)


def test_the_shapes() -> None:
    cosine, constant = Schedule(1.0, warmup=0), Schedule(1.0, "constant", warmup=0)
    assert [round(cosine.rate(0, part), 6) for part in (0, 0.5, 1)] == [1, 0.5, 0]
    assert [constant.rate(0, part) for part in (0, 0.5, 1)] == [1, 1, 1]
    steps = Schedule(1.0, "multistep", 0, (0.5, 0.75), 0.1)
    assert [steps.rate(0, part) for part in (0, 0.49, 0.5, 0.8)] == pytest.approx([1, 1, 0.1, 0.01])


@pytest.mark.parametrize("length", [{}, {"steps": 0}, {"seconds": -1.0}, {"steps": 5, "seconds": 0.0}])
def test_a_run_has_a_positive_length(length: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="--steps"):
        Horizon(**length)


def test_whichever_comes_first_ends_a_run() -> None:
    horizon = Horizon(steps=100, seconds=10)
    assert horizon.fraction(50, 1) == 0.5
    assert horizon.fraction(5, 9) == 0.9
    assert horizon.fraction(200, 1) == 1


@pytest.mark.parametrize("choices", [{"peak": 0.0}, {"peak": float("nan")}, {"shape": "linear"}])
def test_schedules_that_cannot_be(choices: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"--lr|one of"):
        Schedule(**choices)  # type: ignore[arg-type]
