"""Options of `slsc compile` that are of time, and what is told of it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from slsc.cli.console import table
from slsc.cli.inspect import DEVICES
from slsc.cli.precision_options import narrows
from slsc.errors import UsageError

if TYPE_CHECKING:
    from slsc.jobs.compile.report import CompileReport
    from slsc.jobs.compile.timing import Timing

TIME = re.compile(r"(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})\s*(us|ms|s)", re.ASCII)
MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
LONGEST_MS = 3.6e6
PROFILE_SUFFIX = ".json"


def latency(text: str) -> float:
    """A time with its unit, such as `20ms` or `0.02s`, in milliseconds.

    Raises:
        UsageError: it is no such time, or zero, or longer than an hour.
    """
    match = TIME.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"latency {text!r} is no time with a unit", hint="write it as 20ms or 0.02s")
    found = round(float(match[1]) * MILLISECONDS[match[2]], 6)
    if not 0 < found <= LONGEST_MS:
        raise UsageError(f"latency {text!r} is outside 0..1 h", hint="write it as 20ms or 0.02s")
    return found


def device(text: str) -> str | Path:
    """The name of a device whose roofline is known, or the profile of one.

    Raises:
        UsageError: neither.
    """
    if text in DEVICES:
        return text
    if not text.endswith(PROFILE_SUFFIX):
        hint = f"use {', '.join(DEVICES)}, or PROFILE.json as `slsc profile MODEL.onnx -o PROFILE.json` writes it"
        raise UsageError(f"unknown device {text!r}", hint=hint)
    return Path(text)


def add_latency(parser: argparse.ArgumentParser) -> None:
    """Declare `--latency`; `--device` is with the options of hardware."""
    parser.add_argument(
        "--latency",
        type=latency,
        action="append",
        default=[],
        metavar="T",
        help="time of one image such as 20ms, as the profile that --device names predicts it: N goes where that device "
        "gains from it; several times, and beside --budget, for several engines",
    )


def timing_of(args: argparse.Namespace) -> Timing | None:
    """What the options ask for; None where no profile is given.

    Raises:
        UsageError: they do not go together.
        DataError: the profile is none.
    """
    if not isinstance(args.device, Path):
        if args.latency:
            raise UsageError(
                "--latency needs the times of a device",
                hint="measure them with `slsc profile MODEL.onnx -o PROFILE.json`, and add --device PROFILE.json",
            )
        return None
    if args.pad != "never":
        raise UsageError(
            "--pad does not go with a profile",
            why="the layers it widens are not those that were measured",
            hint=f"leave one of them out, or name the device: --device {DEVICES[0]}",
        )
    if args.latency and (args.method != "oneshot" or args.plan):
        given = "--plan" if args.plan else f"--method {args.method}"
        raise UsageError(
            f"--latency does not go with {given}", why="oneshot alone chooses N by time", hint="leave it out"
        )
    if narrows(args):
        raise UsageError(
            f"a profile does not go with --precision {args.precision}",
            why="layers were measured in float32",
            hint="leave one of them out",
        )
    if args.method == "filter":
        why = "it changes the widths of the layers that were measured"
        raise UsageError("a profile does not go with --method filter", why=why, hint="leave --device out")
    from slsc.jobs.compile.timing import Timing
    from slsc.search.device_profile import read_profile

    return Timing(tuple(args.latency), read_profile(args.device), args.device)


def show_frontier(report: CompileReport) -> Iterator[str]:
    """What the predicted times are of, and what latencies buy, line by line."""
    if report.device is None:
        return
    yield f"times are predicted: {report.device}"
    if not report.frontier:
        return
    rows = [
        (f"{point.ms:.2f}", f"{point.share:.4f}", "-" if point.psnr is None else f"{point.psnr:.2f}")
        for point in report.frontier
    ]
    yield "what a latency buys, by the layers' sensitivities, before weights are corrected:"
    yield table(("predicted ms", "share", "dB to dense"), rows, ">>>")
