"""Weight files of the zoo, safetensors only."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from slsc.errors import ModelError
from slsc.runtime.atomic import staged


def load_weights(module: nn.Module, path: Path, *, other_scales: str | None = None) -> None:
    """Load a safetensors file into `module`: same keys, same shapes, nothing missing, nothing left over.

    Args:
        module: changed in place.
        path: the file.
        other_scales: prefix of keys which the file may hold for scales that `module` does not have, such as
            `upsample.up`; these are not loaded.

    Raises:
        ModelError: the file is missing or damaged, or keys or shapes differ; names the first difference.
    """
    try:
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            "cannot read the weights", where=str(path), why=str(error), hint="give a .safetensors file"
        ) from error
    wanted = module.state_dict()
    if other_scales is not None:
        state = {name: value for name, value in state.items() if name in wanted or not name.startswith(other_scales)}
    if missing := sorted(wanted.keys() - state.keys()):
        raise _mismatch(path, f"the file lacks {_some(missing)}")
    if unknown := sorted(state.keys() - wanted.keys()):
        raise _mismatch(path, f"the network has no {_some(unknown)}")
    for name, value in state.items():
        if value.shape != wanted[name].shape:
            raise _mismatch(path, f"{name} is {tuple(value.shape)}, the network needs {tuple(wanted[name].shape)}")
    module.load_state_dict(state)


def save_weights(module: nn.Module, path: Path) -> None:
    """Write the parameters and buffers of `module` as safetensors, whole or not at all.

    Raises:
        UsageError: `path` cannot be written.
        ResourceError: the disk is full.
    """
    with staged(path) as (stream, _):
        stream.write(save({name: value.contiguous() for name, value in module.state_dict().items()}))


def _mismatch(path: Path, why: str) -> ModelError:
    return ModelError("the weights are of another network", where=str(path), why=why, hint="check the network's name")


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
