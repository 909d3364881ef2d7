"""Compile an ONNX network to one or several budgets, into a bundle that `slsc run` restores photos with.

The network's convolutions keep N of each M consecutive input-channel weights, N chosen layer by layer so that the
kept multiply-accumulates of the prunable layers are at most the budget. The dense network is the teacher, so photos
need no labels; --pairs gives some. Scale, task, value range and colour order are found by running the network.

The bundle is written at the end, whole or not at all. Its engines are named after the budgets, such as 1-8; the first
one is the default of `slsc run`. Those made for a --latency are named after it, such as 20ms.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from slsc.cli.arguments import (
    add_binding_options,
    add_interface_options,
    binding_of,
    existing_folder,
    known_interface,
    output_path,
    written_path,
)
from slsc.cli.compile_report import as_json, show, warnings
from slsc.cli.console import Console
from slsc.cli.hardware_options import add_hardware_options, hardware_request, rule_of
from slsc.cli.precision_options import ALL_PRECISIONS, add_precision_options, narrows, precision_of
from slsc.cli.sls_options import add_sls_options, sls_settings
from slsc.cli.timing_options import add_latency, timing_of
from slsc.errors import UsageError
from slsc.jobs.compile.efforts import EFFORTS
from slsc.jobs.train.presets import PRESETS
from slsc.methods import COMPILED, METHODS, STARTS, help_on
from slsc.pattern import RULES
from slsc.plan import parse_budget

SUFFIX = ".slsb"
if TYPE_CHECKING:
    from slsc.search.sls.settings import SlsSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own arguments."""
    parser.add_argument("model", type=Path, metavar="MODEL.onnx", help="the trained network, image in, image out")
    parser.add_argument(
        "--budget",
        type=parse_budget,
        action="append",
        metavar="B",
        help="kept share of the multiply-accumulates: 1/8, 0.125 or 12.5%%; several times for several engines",
    )
    add_latency(parser)
    parser.add_argument(
        "--adaptive",
        action="store_true",
        help="add an estimator, so that `slsc run` spends compute where the photo needs it; of one budget, engines of "
        "twice and half of it are made too",
    )
    parser.add_argument(
        "--plan",
        type=Path,
        action="append",
        default=[],
        metavar="OUT.plan.json",
        help="package MODEL.onnx as it is, trained sparse by `slsc train` with this plan, instead of searching; "
        "several times for the networks within a nested one",
    )
    parser.add_argument(
        "--classes",
        type=Path,
        metavar="OUT.classes.safetensors",
        help="the classifier that `slsc train --method classpruning` trained beside the networks of --plan: `slsc run` "
        "gives every region of a photo one of them",
    )
    parser.add_argument(
        "--force", action="store_true", help="compile a network, or to a budget, that restores no better than nothing"
    )
    parser.add_argument(
        "-o", dest="output", type=Path, metavar="OUT.slsb", help="the bundle to write (default: MODEL.slsb, here)"
    )
    photos = parser.add_argument_group("photos").add_mutually_exclusive_group()
    photos.add_argument("--data", type=existing_folder, metavar="DIR", help="photos (default: scikit-image's own)")
    photos.add_argument(
        "--pairs",
        type=existing_folder,
        nargs=2,
        metavar=("LQ", "HQ"),
        help="folders of inputs and of wanted outputs, of the same file names",
    )
    search = parser.add_argument_group("search")
    search.add_argument(
        "--method",
        choices=tuple(COMPILED),
        default="oneshot",
        help=f"how the network is pruned (default: %(default)s); {help_on(COMPILED.values())}",
    )
    search.add_argument(
        "--average",
        type=parse_budget,
        metavar="B",
        help="share that the average region is to cost, of classpruning (default: the mean of the networks')",
    )
    search.add_argument(
        "--start",
        choices=STARTS,
        default=STARTS[0],
        help="weights that training begins with: as they were (default), or fitted in closed form",
    )
    search.add_argument(
        "--effort",
        choices=tuple(EFFORTS),
        default="fast",
        help="train: not at all, for a minute, for minutes (default), or for an hour or two; with int8 a quarter of "
        "that is through its roundings",
    )
    search.add_argument(
        "--preset", choices=tuple(PRESETS), help="how sls learns N (default: by effort; paper and official need days)"
    )
    search.add_argument(
        "--rule",
        choices=RULES,
        help=f"which weights a group may keep (default: {RULES[0]}, with --map-2to4 {RULES[1]})",
    )
    search.add_argument("--m", type=int, default=32, metavar="M", help="group size, 2 to 256 (default: 32)")
    search.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
    add_hardware_options(parser.add_argument_group("hardware", "2:4 sparse tensor cores"))
    add_precision_options(parser.add_argument_group("types", "fewer bits, given after the search"), ALL_PRECISIONS)
    add_sls_options(parser.add_argument_group("sls", "changes to the preset's search; the paper's ablations"))
    add_binding_options(parser, SUFFIX)
    add_interface_options(parser)


def run(args: argparse.Namespace, console: Console) -> int:
    """Run the verb."""
    if not 2 <= args.m <= 256:
        raise UsageError(f"--m {args.m} is outside 2..256", hint="the default, 32, is the paper's")
    if bool(args.budget or args.latency) == bool(args.plan):
        raise UsageError("give either budgets or a plan", hint="use --budget 1/8, or --plan OUT.plan.json")
    if args.adaptive and len(args.plan) == 1:
        raise UsageError("a plan is of one engine, which leaves nothing to choose", hint="leave out --adaptive")
    if args.adaptive and args.latency:
        raise UsageError("a ladder lies around budgets", hint="leave out --adaptive, or --latency")
    if args.adaptive and narrows(args):
        raise UsageError("regions choose among engines in float32", hint="leave out --adaptive, or --precision")
    _require_classes(args)
    timing = timing_of(args)
    output = output_path(
        written_path(args, SUFFIX) or Path(f"{args.model.stem}{SUFFIX}"), SUFFIX, args.model, *args.plan, args.classes
    )

    from slsc.jobs.compile.compiling import compile_model
    from slsc.jobs.compile.request import CompileRequest
    from slsc.search.base import Rules

    request = CompileRequest(
        model=args.model,
        binding=binding_of(args, SUFFIX),
        budgets=tuple(args.budget or ()),
        timing=timing,
        plans=tuple(args.plan),
        output=output,
        data=args.data,
        pairs=tuple(args.pairs) if args.pairs else None,
        method=args.method,
        effort=args.effort,
        start=args.start,
        sls=_sls(args),
        rules=Rules(args.m, rule_of(args)),
        seed=args.seed,
        known=known_interface(args),
        force=args.force,
        hardware=hardware_request(args),
        adaptive=args.adaptive,
        precision=precision_of(args),
        classes=args.classes,
        average=args.average,
    )
    with console.stages() as progress:
        report = compile_model(request, progress)
    console.report(show(report))
    for warning in warnings(report):
        console.warning(warning)
    console.result(**as_json(report))
    console.artefact(output)
    return 0


def _require_classes(args: argparse.Namespace) -> None:
    """Refuse what does not go with a classifier."""
    trains = METHODS[args.method].classifies and not args.plan
    if args.average is not None and not trains:
        raise UsageError("--average goes with --method classpruning", hint="leave out --average")
    if args.classes and len(args.plan) < 2:
        raise UsageError("--classes goes with plans", hint="give the --plan of every network that it tells apart")
    if trains and len(set(args.budget or ())) < 2:
        raise UsageError(
            f"--method {args.method} takes several budgets", hint="use --budget 1/4 --budget 1/2 --budget 3/4"
        )
    if not (trains or args.classes):
        return
    for option, given in (
        ("--adaptive", args.adaptive),
        ("--latency", args.latency),
        ("--precision", narrows(args)),
    ):
        if given:
            raise UsageError(f"{option} does not go with a classifier of regions", hint=f"leave out {option}")


def _sls(args: argparse.Namespace) -> SlsSettings | None:
    if args.method != "sls" or args.effort == "none":
        return None
    args.preset = args.preset or (args.effort if args.effort in PRESETS else "fast")
    return sls_settings(args)
