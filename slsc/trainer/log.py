"""The log of a training run: a progress bar, and a CSV file or TensorBoard's."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TextIO

from tqdm import tqdm

from slsc.errors import BackendError
from slsc.trainer.progress import LogRow, RunProgress
from slsc.trainer.schedule import Horizon

FIELDS = ("step", "seconds", "learning_rate", "l1", "val_psnr")
BAR_PARTS = 10_000
"""The bar counts parts of the run: steps and seconds alike."""


class Writer(Protocol):
    """Where rows go."""

    def begin(self, step: int) -> None:
        """Rows after `step` follow; those of an earlier sitting beyond it are void."""

    def write(self, cells: Mapping[str, float | int | None]) -> None:
        """Write a row: `FIELDS`, then the recipe's columns."""

    def close(self) -> None:
        """No more rows."""


class RunLog:
    """A `slsc.trainer.progress.TrainLog` that shows a bar and writes rows. A context manager.

    Args:
        bar: shows the part of the run that is over, the time left, and the loss.
        writers: where rows go.
    """

    def __init__(self, bar: tqdm[Any], writers: Sequence[Writer]) -> None:
        self._bar, self._writers = bar, writers

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
        for writer in self._writers:
            writer.close()

    def begin(self, start: RunProgress, horizon: Horizon) -> None:
        """See `TrainLog`."""
        self._bar.total = BAR_PARTS
        self._bar.initial = self._bar.n = round(BAR_PARTS * horizon.fraction(start.step, start.seconds))
        for writer in self._writers:
            writer.begin(start.step)

    def show(self, at: RunProgress, fraction: float, loss: float, report: Mapping[str, float]) -> None:
        """See `TrainLog`."""
        columns = "".join(f", {name} {value:.4g}" for name, value in report.items())
        self._bar.set_postfix_str(f"step {at.step}, L1 {loss:.5f}{columns}", refresh=False)
        self._bar.update(round(BAR_PARTS * fraction) - self._bar.n)

    def record(self, row: LogRow) -> None:
        """See `TrainLog`."""
        values = (row.at.step, round(row.at.seconds, 1), row.learning_rate, row.loss, row.score)
        cells = {**dict(zip(FIELDS, values, strict=True)), **row.report}
        for writer in self._writers:
            writer.write(cells)


class CsvWriter:
    """Rows of a CSV file. A resumed run goes on in it.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._rows: csv.DictWriter[str] | None = None

    def begin(self, step: int) -> None:
        """See `Writer`."""
        kept = self._up_to(step) if step else []
        self._file = self._path.open("w", newline="")
        for row in kept:
            self.write(row)

    def write(self, cells: Mapping[str, Any]) -> None:
        """See `Writer`."""
        assert self._file is not None
        if self._rows is None:
            self._rows = csv.DictWriter(self._file, list(cells))
            self._rows.writeheader()
        self._rows.writerow({name: _short(value) for name, value in cells.items()})
        self._file.flush()

    def close(self) -> None:
        """See `Writer`."""
        if self._file is not None:
            self._file.close()

    def _up_to(self, step: int) -> list[dict[str, str]]:
        if not self._path.exists():
            return []
        with self._path.open(newline="") as file:
            return [row for row in csv.DictReader(file) if int(row["step"]) <= step]


class TensorBoardWriter:
    """Rows as scalars of TensorBoard.

    Args:
        folder: of the event files.

    Raises:
        BackendError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise BackendError(
                "--log tensorboard needs the package 'tensorboard'", hint="pip install 'slsc[tensorboard]'"
            ) from error
        self._make, self._folder = SummaryWriter, folder
        self._events: SummaryWriter | None = None

    def begin(self, step: int) -> None:
        """See `Writer`."""
        self._events = self._make(str(self._folder), purge_step=step + 1 if step else None)

    def write(self, cells: Mapping[str, float | int | None]) -> None:
        """See `Writer`."""
        assert self._events is not None
        for name, value in cells.items():
            if name != "step" and value is not None:
                self._events.add_scalar(name, value, int(cells["step"] or 0))
        self._events.flush()

    def close(self) -> None:
        """See `Writer`."""
        if self._events is not None:
            self._events.close()


def _short(value: object) -> object:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else value
