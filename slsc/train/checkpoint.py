"""Checkpoints of a training run: written whole or not at all."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from slsc.errors import DataError
from slsc.runtime.atomic import staged


@dataclass(frozen=True)
class Progress:
    """How far a run is: optimizer steps done, and seconds they took over all sittings."""

    step: int
    seconds: float


def save_checkpoint(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
    """Write weights, optimizer state and progress to `path`, replacing it in one move."""
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": progress.step,
        "seconds": progress.seconds,
    }
    with staged(path) as (stream, _):
        torch.save(state, stream)


def load_checkpoint(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer | None) -> Progress:
    """Put the state saved at `path` into `model` and, unless None, `optimizer`.

    Raises:
        DataError: the file is missing, damaged, or belongs to another network.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(state["model"])
        if optimizer is not None:
            optimizer.load_state_dict(state["optimizer"])
        return Progress(int(state["step"]), float(state["seconds"]))
    except (OSError, RuntimeError, KeyError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise DataError(
            "cannot resume from the checkpoint",
            where=str(path),
            why=str(error).splitlines()[0] if str(error) else type(error).__name__,
            hint="delete it to start anew",
        ) from error
