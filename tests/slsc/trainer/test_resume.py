"""A run that is killed, interrupted or given more time, and then resumed."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_run import SETTINGS, Tiny, run

from slsc.errors import DataError, SlscError
from slsc.trainer.fabric import make_fabric
from slsc.trainer.schedule import Horizon, Schedule
from slsc.trainer.settings import TrainSettings


def _run(folder: Path, settings: TrainSettings = SETTINGS, *, resume: bool = False) -> Tiny:
    folder.mkdir(exist_ok=True)
    return run(folder, settings, resume, {}, make_fabric(settings))[1]


def test_a_killed_run_resumes_to_the_same_losses_and_weights(tmp_path, script, rows, weights) -> None:
    """Killed in the middle of a row of the log."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    finished = _run(whole)
    cut.mkdir()
    killed = script(cut, "--steps", 12, "--kill-at", 4)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert torch.load(cut / "run.ckpt", weights_only=True)["step"] == 4
    resumed = _run(cut, resume=True)
    assert rows(cut) == rows(whole)
    assert [row["step"] for row in rows(whole)] == ["3", "6", "9", "12"]
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(cut)[name]), name
    for one, other in zip(finished.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_told_to_stop_saves_and_says_how_to_go_on(tmp_path, rows, weights, number) -> None:
    """Told after the recipe froze its gate."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    _run(whole)
    cut.mkdir()
    handler = signal.getsignal(number)
    at = {8: lambda _: os.kill(os.getpid(), number)}
    with pytest.raises(SlscError, match=r"interrupted.*run\.ckpt; --resume") as caught:
        run(cut, SETTINGS, False, at, make_fabric(SETTINGS))
    assert caught.value.exit_code == 130
    assert signal.getsignal(number) is handler
    assert torch.load(cut / "run.ckpt", weights_only=True)["step"] in (9, 10)
    _run(cut, resume=True)
    assert rows(cut) == rows(whole)
    assert all(torch.equal(value, weights(cut)[name]) for name, value in weights(whole).items())


def test_a_second_interrupt_stops_at_once(tmp_path) -> None:
    def impatient(_: Tiny) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, SETTINGS, False, {4: impatient}, make_fabric(SETTINGS))


def test_rows_of_lost_steps_are_dropped(tmp_path, rows) -> None:
    _run(tmp_path)
    earlier = (tmp_path / "run.ckpt").read_bytes()
    log = (tmp_path / "log.csv").read_text()
    longer = replace(SETTINGS, horizon=Horizon(steps=15))
    _run(tmp_path, longer, resume=True)
    (tmp_path / "run.ckpt").write_bytes(earlier)
    _run(tmp_path, longer, resume=True)
    assert [row["step"] for row in rows(tmp_path)] == ["3", "6", "9", "12", "15"]
    assert (tmp_path / "log.csv").read_text().startswith(log)


def test_the_clock_of_a_run_of_seconds_goes_on(tmp_path) -> None:
    settings = replace(SETTINGS, horizon=Horizon(seconds=0.3))
    _run(tmp_path, settings)
    done, _ = run(tmp_path, settings, True, {}, make_fabric(settings))
    assert done.seconds == torch.load(tmp_path / "run.ckpt", weights_only=True)["seconds"] < 1


OTHER = [
    ({"batch": 2}, "batch: 4 there, 2 here"),
    ({"schedule": Schedule(1.0)}, "schedule: .*0.01.* there"),
    ({"seed": 4}, "seed: 3 there, 4 here"),
    ({"precision": "bf16-mixed"}, "precision"),
    ({"ema": None, "seed": 4}, "ema: 0.5 there, None here and 1 more"),
]


@pytest.mark.parametrize(("choices", "named"), OTHER)
def test_the_checkpoint_of_a_run_of_other_settings_is_refused(tmp_path, choices, named) -> None:
    _run(tmp_path)
    before = (tmp_path / "run.ckpt").read_bytes()
    with pytest.raises(DataError, match=rf"run\.ckpt.*{named}"):
        _run(tmp_path, replace(SETTINGS, **choices), resume=True)
    assert (tmp_path / "run.ckpt").read_bytes() == before


def test_the_checkpoint_of_another_architecture_is_refused(tmp_path) -> None:
    _run(tmp_path)
    state = torch.load(tmp_path / "run.ckpt", weights_only=True)
    state["fingerprint"]["parameter first.weight"] = "(16, 3, 3, 3)"
    torch.save(state, tmp_path / "run.ckpt")
    with pytest.raises(DataError, match=r"first\.weight: \(16, 3, 3, 3\) there, \(8, 3, 3, 3\) here"):
        _run(tmp_path, resume=True)


@pytest.mark.parametrize("content", [None, b"", b"no checkpoint"])
def test_an_unusable_checkpoint_is_named(tmp_path, content) -> None:
    if content is not None:
        (tmp_path / "run.ckpt").write_bytes(content)
    with pytest.raises(DataError, match=r"run\.ckpt"):
        _run(tmp_path, resume=True)
