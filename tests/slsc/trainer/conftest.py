from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

Rows = list[dict[str, str]]


@pytest.fixture
def rows() -> Callable[[Path], Rows]:
    """The log of a run's folder, without the clock."""

    def read(folder: Path) -> Rows:
        with (folder / "log.csv").open(newline="") as file:
            return [{name: cell for name, cell in row.items() if name != "seconds"} for row in csv.DictReader(file)]

    return read


@pytest.fixture
def weights() -> Callable[[Path], dict[str, torch.Tensor]]:
    """The weights and their mean in the checkpoint of a run's folder."""

    def read(folder: Path) -> dict[str, torch.Tensor]:
        state = torch.load(folder / "run.ckpt", weights_only=True)
        return {**state["module"], **{f"mean {name}": value for name, value in state["mean"].items()}}

    return read


@pytest.fixture
def script() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `tiny_run.py` in a process of its own."""

    def start(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(Path(__file__).parent / "tiny_run.py"), *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    return start
