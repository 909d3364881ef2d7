"""Types of arguments that several verbs take; each raises an error of `slsc.errors` that says what is wrong."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from slsc.errors import DataError, UsageError
from slsc.runtime.atomic import require_name, require_other

ZIP_MAGIC = b"PK"


def existing_folder(text: str) -> Path:
    """A folder that exists.

    Raises:
        DataError: there is none of that name.
    """
    path = Path(text)
    if not path.is_dir():
        raise DataError("not a folder", where=text, why=None if path.exists() else "it does not exist")
    return path


def is_bundle(path: Path) -> bool:
    """Whether a file is a bundle rather than a network: by what it begins with, by its name where there is none."""
    if path.suffix == ".slsb" or not path.is_file():
        return path.suffix == ".slsb"
    with path.open("rb") as file:
        return file.read(len(ZIP_MAGIC)) == ZIP_MAGIC


def image_hw(text: str) -> tuple[int, int]:
    """A size such as `180x320`, height first.

    Raises:
        UsageError: not two positive integers.
    """
    height, _, width = text.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise UsageError(f"size {text!r} is not HxW", hint="write height x width, such as 180x320")
    return int(height), int(width)


def value_range(text: str) -> tuple[float, float]:
    """A range of values such as `0:255` or `-0.5:0.5`, low first.

    Raises:
        UsageError: not two numbers, or not in ascending order.
    """
    low, _, high = text.partition(":")
    try:
        bounds = float(low), float(high)
    except ValueError:
        raise UsageError(f"range {text!r} is not LOW:HIGH", hint="write it as 0:1 or 0:255") from None
    if not bounds[0] < bounds[1]:
        raise UsageError(f"range {text!r} is not in ascending order", hint="write it as 0:1 or 0:255")
    return bounds


def output_path(path: Path, suffix: str, *sources: Path | None, beside: Sequence[str] = ()) -> Path:
    """Check, before long work starts, that a file can be written at `path`, and that it is none of the `sources`.

    Args:
        path: the output.
        suffix: what its name must end in.
        sources: what is read; None stands for what was not given.
        beside: suffixes of further files that will be written under its name.

    Raises:
        UsageError: wrong suffix, no such folder, a name that is too long, the path is a folder, or the output would
            replace what is read.
    """
    if path.suffix != suffix:
        raise UsageError(f"the output must end in {suffix}", where=str(path), hint=f"-o {path.with_suffix(suffix)}")
    for each in (suffix, *beside):
        require_name(path.with_suffix(each))
    if path.is_dir():
        raise UsageError("the output is a folder", where=str(path), hint=f"-o {path / ('model' + suffix)}")
    if not path.parent.is_dir():
        raise UsageError("the output's folder does not exist", where=str(path.parent), hint=f"mkdir -p {path.parent}")
    require_other(path, *sources)
    return path


def add_interface_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options that overrule what the probe finds out about a network."""
    network = parser.add_argument_group("network", "what is found by running it, where you know better")
    network.add_argument("--scale", type=int, help="output pixels per input pixel along a side")
    network.add_argument("--range", type=value_range, metavar="LOW:HIGH", help="values of black and white, as 0:255")
    network.add_argument("--order", choices=("RGB", "BGR", "Y"), help="colour order")
    network.add_argument("--task", choices=("sr", "restore"), help="super-resolution, or same-size restoration")
