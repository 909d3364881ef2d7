"""The loop in one process."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_run import SETTINGS, Gated, Tiny, batches, poison, run, tiny
from torch import Tensor, nn

from slsc.errors import UsageError, VerificationError
from slsc.trainer.fabric import make_fabric
from slsc.trainer.loop import fit
from slsc.trainer.progress import LogRow, RunProgress
from slsc.trainer.recipe import DenseRecipe
from slsc.trainer.schedule import Horizon, Schedule
from slsc.trainer.settings import TrainSettings


class Record:
    """A log that keeps what it is told."""

    def __init__(self) -> None:
        self.rows: list[LogRow] = []
        self.losses: list[float] = []

    def begin(self, start: RunProgress, horizon: Horizon) -> None: ...

    def show(self, at: RunProgress, fraction: float, loss: float, report: object) -> None:
        self.losses.append(loss)

    def record(self, row: LogRow) -> None:
        self.rows.append(row)


def _fit(module: nn.Module, settings: TrainSettings, **choices: object) -> Record:
    log = Record()
    fit(DenseRecipe(module), batches, settings, **{"checkpoint": None, "log": log, **choices})  # type: ignore[arg-type]
    return log


def _settings(**choices: object) -> TrainSettings:
    return replace(SETTINGS, **{"ema": None, "log_every": 1, **choices})  # type: ignore[arg-type]


def test_the_loss_falls() -> None:
    losses = _fit(tiny(), _settings(horizon=Horizon(steps=60))).losses
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


def test_the_loss_is_l1_over_the_value_range() -> None:
    log = _fit(tiny(), _settings(horizon=Horizon(steps=1), value_range=4.0))
    inputs, targets = batches(0, 0, SETTINGS.batch)
    assert log.losses[0] == pytest.approx(float((tiny()(inputs) - targets).detach().abs().mean()) / 4)


def test_rows_are_means_and_validation_has_its_own_pace() -> None:
    settings = _settings(horizon=Horizon(steps=7), log_every=2, validate_every=3)
    every = _fit(tiny(), _settings(horizon=Horizon(steps=7))).rows
    rows = _fit(tiny(), settings, validate=lambda module: 20.0).rows
    assert [(row.at.step, row.score) for row in rows] == [(2, None), (3, 20), (4, None), (6, 20), (7, 20)]
    assert rows[0].loss == pytest.approx((every[0].loss + every[1].loss) / 2)
    assert rows[1].loss == pytest.approx(every[2].loss)


def test_a_penalty_is_trained_but_not_logged() -> None:
    plain, gated = tiny(), tiny()
    settings = _settings(horizon=Horizon(steps=7))
    fit(DenseRecipe(plain), batches, settings, checkpoint=None, log=(without := Record()))
    fit(Gated(gated, {}), batches, settings, checkpoint=None, log=(within := Record()))
    assert float(gated.gate.detach().abs().sum()) < float(plain.gate.detach().abs().sum())
    assert within.losses[0] == without.losses[0]
    assert within.rows[-1].report["gate"] == pytest.approx(float(gated.gate.detach().abs().sum()))


def test_a_frozen_parameter_stays() -> None:
    module = tiny()
    seen: list[Tensor] = []
    recipe = Gated(module, {step: lambda: seen.append(module.gate.detach().clone()) for step in (7, 11)})
    fit(recipe, batches, _settings(), checkpoint=None, log=Record())
    assert torch.equal(*seen)
    assert float(module.refreshed) == 11


def test_the_mean_of_the_weights_is_what_remains_and_is_judged() -> None:
    """The running mean after each step, by its definition."""
    wanted: dict[str, Tensor] = {}
    module = tiny()

    def follow() -> None:
        for name, value in module.named_parameters():
            value = value.detach().clone()
            wanted[name] = value if name not in wanted else 0.9 * wanted[name] + 0.1 * value

    judged: list[Tensor] = []
    recipe = Gated(module, dict.fromkeys(range(5), follow))
    settings = _settings(horizon=Horizon(steps=5), ema=0.9)
    validate = lambda one: judged.append(one.first.weight.clone()) or 1.0  # noqa: E731
    fit(recipe, batches, settings, checkpoint=None, log=Record(), validate=validate)
    for name, value in module.named_parameters():
        torch.testing.assert_close(value.detach(), wanted[name])
    torch.testing.assert_close(judged[-1], wanted["first.weight"])


def test_a_teacher_makes_the_targets() -> None:
    teacher = tiny()
    nn.init.zeros_(teacher.last.weight)
    nn.init.zeros_(teacher.last.bias)  # the identity
    log = _fit(tiny(), _settings(horizon=Horizon(steps=1)), teacher=teacher)
    inputs, _ = batches(0, 0, SETTINGS.batch)
    assert log.losses[0] == pytest.approx(float((tiny()(inputs) - inputs).detach().abs().mean()))
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_mixed_precision_trains_float32_weights_and_spares_inputs() -> None:
    class Skip(Tiny):
        def forward(self, x: Tensor) -> Tensor:
            self.seen = x.dtype
            return super().forward(x)

    torch.manual_seed(0)
    module = Skip()
    mixed = _fit(module, _settings(precision="bf16-mixed"))
    full = _fit(tiny(), _settings())
    assert module.seen == torch.float32
    assert all(parameter.dtype == torch.float32 for parameter in module.parameters())
    assert mixed.losses != full.losses
    assert mixed.losses == pytest.approx(full.losses, rel=0.02)


def test_a_run_of_seconds_ends_by_the_clock() -> None:
    log = _fit(tiny(), _settings(horizon=Horizon(seconds=0.3)))
    assert log.rows[-1].at.seconds >= 0.3
    assert log.rows[-1].learning_rate < SETTINGS.schedule.peak
    both = _fit(tiny(), _settings(horizon=Horizon(2, 100.0)))
    assert both.rows[-1].at.step == 2


def test_divergence_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    settings = replace(SETTINGS, save_every=1e-9)
    with pytest.raises(VerificationError, match=r"step 4.*run\.ckpt.*lower --lr than 0\.01") as caught:
        run(tmp_path, settings, False, {3: poison}, make_fabric(settings))
    assert caught.value.exit_code == 1
    state = torch.load(tmp_path / "run.ckpt", weights_only=True)
    assert state["step"] == 3
    assert all(torch.isfinite(value).all() for value in state["module"].values())


def test_a_loss_that_is_no_number_is_no_step() -> None:
    settings = replace(SETTINGS, save_every=1e9)
    module = tiny()
    recipe = Gated(module, {3: lambda: module.first.bias.data.fill_(math.nan)})
    with pytest.raises(VerificationError, match=r"step 4.*loss is nan; nothing was saved yet"):
        fit(recipe, batches, settings, checkpoint=None, log=Record())
    assert torch.isfinite(module.last.bias).all()


def test_an_error_of_the_data_comes_out(tmp_path: Path) -> None:
    def failing(step: int, first: int, count: int) -> tuple[Tensor, Tensor]:
        if step == 2:
            raise UsageError("no such image")
        return batches(step, first, count)

    with pytest.raises(UsageError, match="no such image"):
        fit(DenseRecipe(tiny()), failing, _settings(), checkpoint=tmp_path / "run.ckpt", log=Record())
    assert torch.load(tmp_path / "run.ckpt", weights_only=True)["step"] == 2


@pytest.mark.parametrize(
    "choices",
    [
        {"batch": 3, "devices": 2},
        {"ema": 1.0},
        {"precision": "64"},
        {"batch": 0},
        {"devices": 0},
        {"save_every": 0.0},
        {"save_every": math.nan},
        {"save_every": math.inf},
    ],
)
def test_settings_that_cannot_be(choices: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"--|one of"):
        TrainSettings(Horizon(steps=1), schedule=Schedule(), **choices)  # type: ignore[arg-type]
