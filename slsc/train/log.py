"""The CSV log and the progress bar of a training run."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from tqdm import tqdm

from slsc.train.checkpoint import Progress
from slsc.train.schedule import Horizon

FIELDS = ("step", "seconds", "learning_rate", "l1", "val_psnr_y")


class TrainLog:
    """One CSV row per checkpoint, and a bar that runs to the horizon. A context manager.

    Args:
        path: of the CSV file; appended to when `start` is not the beginning.
        bar: its total is set here.
        horizon: the end of the run.
        start: where the run begins or resumes.
    """

    def __init__(self, path: Path, bar: tqdm[Any], horizon: Horizon, start: Progress) -> None:
        self._bar, self._horizon = bar, horizon
        bar.total = round(horizon.total)
        bar.initial = bar.n = round(horizon.position(start.step, start.seconds))
        self._file = path.open("a" if start.step else "w", newline="")
        self._rows = csv.writer(self._file)
        if not start.step:
            self._write(FIELDS)

    def __enter__(self) -> TrainLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def show(self, progress: Progress, mean_loss: float) -> None:
        """Move the bar."""
        self._bar.set_postfix_str(f"step {progress.step}, L1 {mean_loss:.5f}", refresh=False)
        self._bar.update(round(self._horizon.position(progress.step, progress.seconds)) - self._bar.n)

    def record(self, progress: Progress, lr: float, mean_loss: float, score: float | None) -> None:
        """Append a row; `score` is the validation PSNR in dB."""
        psnr = "" if score is None else f"{score:.3f}"
        self._write((progress.step, f"{progress.seconds:.1f}", f"{lr:.3g}", f"{mean_loss:.6f}", psnr))

    def _write(self, row: tuple[object, ...]) -> None:
        self._rows.writerow(row)
        self._file.flush()
