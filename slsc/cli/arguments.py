"""Types of arguments that several verbs take; each raises an error of `slsc.errors` that says what is wrong."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from slsc.errors import DataError, UsageError

if TYPE_CHECKING:
    from slsc.probe import Known
    from slsc.runtime.bundle.value_range import ValueRange

ZIP_MAGIC = b"PK"
LARGEST = 1e6
"""Values of black and white lie within -LARGEST..LARGEST."""


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
    if not max(map(abs, bounds)) <= LARGEST:
        raise UsageError(f"range {text!r} is not within -{LARGEST:g}..{LARGEST:g}", hint="write it as 0:1 or 0:255")
    return bounds


def output_range(text: str) -> tuple[float, float] | str:
    """A `value_range`, or "same".

    Raises:
        UsageError: neither.
    """
    return text if text == "same" else value_range(text)


def numbers(text: str) -> tuple[float, ...]:
    """Finite numbers such as `0.485,0.456,0.406`.

    Raises:
        UsageError: one is none.
    """
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"{text!r} is no list of numbers", hint="write it as 0.5 or 0.485,0.456,0.406") from None
    if not all(math.isfinite(number) for number in found):
        raise UsageError(f"{text!r} has a number without bound", hint="write it as 0.5 or 0.485,0.456,0.406")
    return found


def output_path(path: Path, suffix: str) -> Path:
    """Check, before long work starts, that a file can be written at `path`.

    Raises:
        UsageError: wrong suffix, no such folder, or the path is a folder.
    """
    if path.suffix != suffix:
        raise UsageError(f"the output must end in {suffix}", where=str(path), hint=f"-o {path.with_suffix(suffix)}")
    if path.is_dir():
        raise UsageError("the output is a folder", where=str(path), hint=f"-o {path / ('model' + suffix)}")
    if not path.parent.is_dir():
        raise UsageError("the output's folder does not exist", where=str(path.parent), hint=f"mkdir -p {path.parent}")
    return path


def add_interface_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options that overrule what the probe finds out about a network."""
    network = parser.add_argument_group("network", "what is found by running it, where you know better")
    network.add_argument("--scale", type=int, help="output pixels per input pixel along a side")
    network.add_argument("--range", type=value_range, metavar="LOW:HIGH", help="input values of black and white: 0:255")
    network.add_argument(
        "--mean",
        type=numbers,
        metavar="M[,M,M]",
        help="in place of --range: what is taken from pixels before they are divided by --std; pixels of 0..1, or of "
        "0..255 if a number is above 1; one, or one a channel in the network's own order",
    )
    network.add_argument("--std", type=numbers, metavar="S[,S,S]", help="see --mean")
    network.add_argument(
        "--output-range", type=output_range, metavar="LOW:HIGH|same", help="output values of black and white"
    )
    network.add_argument(
        "--residual", choices=("no", "subtract", "add"), help="the output is taken from, or added to, the input"
    )
    network.add_argument("--order", choices=("RGB", "BGR", "Y"), help="colour order")
    network.add_argument("--task", choices=("sr", "restore"), help="super-resolution, or same-size restoration")


def known_interface(args: argparse.Namespace) -> Known:
    """What the options of `add_interface_options` say.

    Raises:
        UsageError: they do not go together.
    """
    from slsc.probe import Form, Known
    from slsc.runtime.bundle.value_range import ValueRange

    given = _input_range(args)
    put_out = args.output_range
    if put_out == "same" and given is None:
        raise UsageError("--output-range same needs a range", hint="give --range, or --mean and --std, too")
    forms = {"no": Form.PICTURE, "subtract": Form.SUBTRACT, "add": Form.ADD}
    return Known(
        scale=args.scale,
        task=args.task,
        input=given,
        output=given if put_out == "same" else ValueRange.uniform(*put_out) if put_out else None,
        order=args.order,
        form=forms[args.residual] if args.residual else None,
    )


def _input_range(args: argparse.Namespace) -> ValueRange | None:
    from slsc.runtime.bundle.value_range import ValueRange

    if args.mean is None and args.std is None:
        return ValueRange.uniform(*args.range) if args.range else None
    if args.range or args.mean is None or args.std is None:
        raise UsageError("--mean and --std go together, in place of --range", hint="give both, or --range alone")
    mean, deviation = args.mean, args.std
    if len({len(mean), len(deviation)} - {1}) > 1 or not all(number > 0 for number in deviation):
        raise UsageError("--mean and --std do not match", hint="give as many of each, deviations above 0")
    count = max(len(mean), len(deviation))
    white = 255.0 if max(*map(abs, mean), *deviation) > 1 else 1.0
    scaled = [
        tuple(number / white for number in (part if len(part) > 1 else part * count)) for part in (mean, deviation)
    ]
    return ValueRange.normalised(*scaled)
