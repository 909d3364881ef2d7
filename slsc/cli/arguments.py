"""Types of arguments that several verbs take; each raises an error of `slsc.errors` that says what is wrong."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from slsc.errors import DataError, UsageError
from slsc.passes.importing.binding import Binding, named_numbers, number
from slsc.runtime.atomic import require_name, require_other
from slsc.runtime.backends.onnxruntime import OnnxRuntimeBackend
from slsc.runtime.backends.ort_providers import PROVIDERS, parse_providers

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


def providers(text: str) -> str:
    """Names of ONNX Runtime's execution providers, such as `cuda,cpu`.

    Raises:
        UsageError: one is none.
    """
    parse_providers(text)
    return text


def add_provider(parser: argparse.ArgumentParser, several: str) -> None:
    """Declare `--provider`; `several` says what several of them mean."""
    parser.add_argument(
        "--provider",
        type=providers,
        metavar="A,B",
        help=f"of ONNX Runtime: {', '.join(PROVIDERS)}; tried on an image and compared with cpu before it is believed; "
        f"{several}",
    )


def provider_backend(provider: str | None, backend: str | None = None) -> str | None:
    """The backend that `--backend` and `--provider` name together; None where neither does.

    Raises:
        UsageError: the backend has no providers.
    """
    if provider is None:
        return backend
    if backend not in (None, OnnxRuntimeBackend.name):
        raise UsageError(
            f"--provider does not go with --backend {backend}",
            why="it is one of ONNX Runtime's",
            hint="leave one of them out",
        )
    return f"{OnnxRuntimeBackend.name}:{provider}"


def each_provider(provider: str | None) -> list[str]:
    """The backends that `--provider` names, one by one."""
    return [f"{OnnxRuntimeBackend.name}:{name}" for name in provider.split(",")] if provider else []


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


def add_binding_options(parser: argparse.ArgumentParser, written: str | None = None) -> None:
    """Declare the options for networks with more than one image in and one image out.

    Args:
        parser: of a verb.
        written: suffix of the file that the verb writes, which `--output` may name as well as `-o`.
    """
    group = parser.add_argument_group("inputs", "of networks that take or give more than one image")
    group.add_argument(
        "--set",
        type=named_numbers,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="value of an input beside the image, such as sigma=25/255; a map of the image's size is filled with it",
    )
    group.add_argument(
        "--extra-channel",
        type=number,
        action="append",
        default=[],
        metavar="VALUE",
        help="value of a channel that the input has after the image's own, such as a noise level; once for each",
    )
    group.add_argument("--input", metavar="NAME", help="the input that is the image")
    also = f"; with a name that ends in {written}, the same as -o" if written else ""
    group.add_argument(
        "--output", dest="outputs", action="append", default=[], metavar="NAME", help=f"the output to restore{also}"
    )


def binding_of(args: argparse.Namespace, written: str | None = None) -> Binding:
    """What the options of `add_binding_options` say.

    Raises:
        UsageError: something is given twice.
    """
    names = [name for name in args.outputs if not (written and name.endswith(written))]
    _require_once("--output", names)
    _require_once("--set", [name for name, _ in args.set], distinct=True)
    return Binding(dict(args.set), tuple(args.extra_channel), args.input, names[0] if names else None)


def written_path(args: argparse.Namespace, suffix: str) -> Path | None:
    """The file to write, from `-o` or from an `--output` that ends in `suffix`; None where neither is given.

    Raises:
        UsageError: it is given twice.
    """
    paths = [*([args.output] if args.output else []), *(Path(name) for name in args.outputs if name.endswith(suffix))]
    _require_once("-o", [str(path) for path in paths])
    return paths[0] if paths else None


def require_network_options(args: argparse.Namespace, path: Path) -> None:
    """Refuse options of `add_binding_options` for a bundle.

    Raises:
        UsageError: there are some.
    """
    if binding_of(args) != Binding():
        raise UsageError(
            "--set, --extra-channel, --input and --output go with an ONNX file",
            where=str(path),
            why="a bundle holds what it was compiled with",
            hint="leave them out",
        )


def _require_once(option: str, given: Sequence[str], *, distinct: bool = False) -> None:
    """Refuse a second use of an option, or of the same name with it."""
    twice = [name for index, name in enumerate(given) if (name in given[:index] if distinct else index)]
    if twice:
        raise UsageError(f"{option} is given twice, the second time for {twice[0]!r}", hint="leave one of them out")


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
