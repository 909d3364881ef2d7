"""Checkpoints of a training run: written whole or not at all, and refused where they belong to another run."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from slsc.errors import DataError
from slsc.runtime.atomic import staged


def save_checkpoint(path: Path, state: Mapping[str, Any], fingerprint: Mapping[str, str]) -> None:
    """Write tensors and plain values to `path`, replacing it in one move, and what the run is known by.

    Raises:
        UsageError, StorageError: it cannot be written.
    """
    with staged(path) as (stream, _):
        try:
            torch.save({**state, "fingerprint": dict(fingerprint)}, stream)
        except RuntimeError as error:
            # Where a write fails, torch goes on to close its archive, and raises that this is not where it should be.
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


def load_checkpoint(path: Path, fingerprint: Mapping[str, str]) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote, onto the CPU.

    Raises:
        DataError: the file is missing, damaged, or of a run of another fingerprint; names what differs.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        found = dict(state["fingerprint"])
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise _unusable(path, why) from error
    if differences := [
        f"{name}: {found.get(name, 'nothing')} there, {fingerprint.get(name, 'nothing')} here"
        for name in sorted(found.keys() | fingerprint.keys())
        if found.get(name) != fingerprint.get(name)
    ]:
        more = f" and {len(differences) - 1} more" if len(differences) > 1 else ""
        raise _unusable(path, f"it is of another run; {differences[0]}{more}")
    return dict(state)


def _unusable(path: Path, why: str) -> DataError:
    return DataError(
        "cannot resume from the checkpoint",
        where=str(path),
        why=why,
        hint="resume with the options of the run that left it, or delete it to start anew",
    )
