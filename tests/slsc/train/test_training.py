from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tqdm import tqdm

from slsc.data.calibration import calibration_photos
from slsc.data.degrade import bicubic_pair
from slsc.data.patches import PatchSampler
from slsc.errors import DataError, UsageError, VerificationError
from slsc.train.checkpoint import Progress
from slsc.train.dense import Training, TrainSettings
from slsc.train.log import TrainLog
from slsc.train.schedule import WARMUP_STEPS, Horizon, cosine_lr
from slsc.train.validation import mean_psnr_y
from slsc.zoo.compact import Compact

PAIRS = [bicubic_pair(photo[:192, :192], 2) for photo in calibration_photos(None, 4, 0)]


def _training(folder: Path, steps: int, **choices: float) -> Training:
    torch.manual_seed(0)
    settings = TrainSettings(Horizon(steps=steps), batch=4, **{"peak_lr": 2e-3, **choices})  # type: ignore[arg-type]
    return Training(Compact(2, 32, 1), PatchSampler(PAIRS, 2, 16), settings, folder / "net.ckpt")


def _run(training: Training, folder: Path) -> Progress:
    with TrainLog(folder / "net.csv", tqdm(disable=True), training.settings.horizon, training.progress) as log:
        return training.run(log)


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "net.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_loss_falls_and_the_log_tells(tmp_path: Path) -> None:
    training = _training(tmp_path, 150, save_every=0)
    untrained = mean_psnr_y(training.model, PAIRS, 1)
    assert _run(training, tmp_path).step == 150
    losses = [float(row["l1"]) for row in _rows(tmp_path)]
    assert len(losses) == 150
    assert np.mean(losses[-20:]) < 0.7 * np.mean(losses[:20])
    assert mean_psnr_y(training.model, PAIRS, 1) > untrained + 1


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    whole = _training(tmp_path / "whole", 8)
    _run(whole, tmp_path / "whole")

    cut = _training(tmp_path, 8, save_every=0)
    steps_left = iter(range(5))
    step = cut._step
    cut._step = lambda lr: step(lr) if next(steps_left, None) is not None else _interrupt()  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        _run(cut, tmp_path)
    resumed = _training(tmp_path, 8)
    resumed.resume()
    assert resumed.progress.step == 5
    assert _run(resumed, tmp_path).step == 8
    for one, other in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    assert [row["step"] for row in _rows(tmp_path)] == ["1", "2", "3", "4", "5", "8"]


def _interrupt() -> float:
    raise KeyboardInterrupt


def test_a_run_of_seconds_ends_by_the_clock(tmp_path: Path) -> None:
    training = _training(tmp_path, 1)
    training.settings = TrainSettings(Horizon(seconds=0.5), batch=1)
    done = _run(training, tmp_path)
    assert done.seconds >= 0.5
    assert done.step >= 1
    assert float(_rows(tmp_path)[-1]["learning_rate"]) < 1e-3


def test_divergence_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    training = _training(tmp_path, 50, save_every=0)
    step = training._step

    def poisoned(lr: float) -> float:
        if training.progress.step == 3:
            next(training.model.parameters()).data.fill_(math.nan)
        return step(lr)

    training._step = poisoned  # type: ignore[method-assign]
    with pytest.raises(VerificationError, match=r"step 3.*loss is nan.*net\.ckpt.*--lr") as caught:
        _run(training, tmp_path)
    assert caught.value.exit_code == 1
    again = _training(tmp_path, 50)
    again.resume()
    assert again.progress.step == 3
    assert all(torch.isfinite(p).all() for p in again.model.parameters())


def test_weights_that_overflow_are_never_saved(tmp_path: Path) -> None:
    training = _training(tmp_path, 1, peak_lr=math.inf)
    with pytest.raises(VerificationError, match="nothing was saved yet"):
        _run(training, tmp_path)
    assert not (tmp_path / "net.ckpt").exists()


@pytest.mark.parametrize("content", [None, b"", b"no checkpoint"])
def test_an_unusable_checkpoint_is_named(tmp_path: Path, content: bytes | None) -> None:
    training = _training(tmp_path, 1)
    if content is not None:
        training.checkpoint.write_bytes(content)
    with pytest.raises(DataError, match=r"net\.ckpt"):
        training.resume()


def test_the_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    _run(_training(tmp_path, 1), tmp_path)
    other = _training(tmp_path, 1)
    other.model = Compact(2, 32, 2)
    with pytest.raises(DataError, match=r"net\.ckpt"):
        other.resume()


def test_bf16_trains_too(tmp_path: Path) -> None:
    training = _training(tmp_path, 3, bf16=True)
    assert _run(training, tmp_path).step == 3
    assert all(p.dtype == torch.float32 for p in training.model.parameters())


def test_a_network_in_0_to_255_is_trained_in_its_own_range(tmp_path: Path) -> None:
    class Black(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gain = torch.nn.Parameter(torch.tensor(0.5))
            self.largest = 0.0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.largest = max(self.largest, float(x.max()))
            return self.gain * x

    white = np.full((16, 16, 3), 255, np.uint8)
    settings = TrainSettings(Horizon(steps=1), batch=2, white=255)
    model = Black()
    training = Training(model, PatchSampler([(white, white)], 1, 8), settings, tmp_path / "net.ckpt")
    _run(training, tmp_path)
    assert model.largest == 255
    assert float(_rows(tmp_path)[0]["l1"]) == pytest.approx(0.5)


@given(st.integers(0, 10**6), st.floats(0, 1))
def test_learning_rate_warms_up_and_anneals(step: int, fraction: float) -> None:
    rate = cosine_lr(1e-3, step, fraction)
    assert 0 <= rate <= 1e-3
    assert rate >= cosine_lr(1e-3, step, min(1, fraction + 0.1))
    assert rate <= cosine_lr(1e-3, step + WARMUP_STEPS, fraction)


def test_learning_rate_ends() -> None:
    assert cosine_lr(1, WARMUP_STEPS, 0) == 1
    assert cosine_lr(1, WARMUP_STEPS, 1) == 0


@pytest.mark.parametrize("length", [{}, {"steps": 1, "seconds": 1.0}, {"steps": 0}, {"seconds": -1.0}])
def test_a_run_has_one_positive_length(length: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="--steps"):
        Horizon(**length)
