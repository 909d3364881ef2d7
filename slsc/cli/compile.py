"""Compile an ONNX network to one or several budgets, into a bundle that `slsc run` restores photos with.

The network's convolutions keep N of each M consecutive input-channel weights, N chosen layer by layer so that the
kept multiply-accumulates of the prunable layers are at most the budget. The dense network is the teacher, so photos
need no labels; --pairs gives some. Scale, task, value range and colour order are found by running the network.

The bundle is written at the end, whole or not at all. Its engines are named after the budgets, such as 1-8; the first
one is the default of `slsc run`. Those made for a --latency are named after it, such as 20ms.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slsc.cli.arguments import (
    add_binding_options,
    add_interface_options,
    binding_of,
    existing_folder,
    known_interface,
    output_path,
    written_path,
)
from slsc.cli.console import Console, table
from slsc.cli.hardware_options import add_hardware_options, hardware_request, rule_of, show_hardware
from slsc.cli.precision_options import ALL_PRECISIONS, add_precision_options, precision_of, show_layers
from slsc.cli.sls_options import add_sls_options, sls_settings
from slsc.cli.timing_options import add_latency, show_frontier, timing_of
from slsc.errors import UsageError
from slsc.jobs.compile.efforts import EFFORTS
from slsc.jobs.train.presets import PRESETS
from slsc.methods import SPARSE, STARTS, help_on
from slsc.pattern import RULES
from slsc.plan import parse_budget

SUFFIX = ".slsb"
OUT_OF_REACH = 2
"""Warned from so many times the budget on that a whole network keeps."""

if TYPE_CHECKING:
    from slsc.jobs.compile.measuring import Quality
    from slsc.jobs.compile.report import CompileReport, Figures
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
        choices=tuple(SPARSE),
        default="oneshot",
        help=f"how the network is pruned (default: %(default)s); {help_on(SPARSE.values())}",
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
        help="train: not at all, for a minute, for minutes (default), or for an hour or two",
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
    if args.adaptive and args.precision != "float32":
        raise UsageError("regions choose among engines in float32", hint="leave out --adaptive, or --precision")
    timing = timing_of(args)
    output = output_path(
        written_path(args, SUFFIX) or Path(f"{args.model.stem}{SUFFIX}"), SUFFIX, args.model, *args.plan
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
    )
    with console.stages() as progress:
        report = compile_model(request, progress)
    console.report(show(report))
    for doubt in report.probe.doubts():
        console.note(f"slsc: warning: {doubt}")
    for warning in report.warnings:
        console.note(f"slsc: warning: {warning}")
    for figures in report.engines:
        if figures.share_of_all > OUT_OF_REACH * figures.budget:
            console.note(f"slsc: warning: {_out_of_reach(figures)}")
    console.result(**_as_json(report))
    console.artefact(output)
    return 0


def _sls(args: argparse.Namespace) -> SlsSettings | None:
    if args.method != "sls" or args.effort == "none":
        return None
    args.preset = args.preset or (args.effort if args.effort in PRESETS else "fast")
    return sls_settings(args)


def show(report: CompileReport) -> str:
    """What was found, and the before/after table."""
    from slsc.metrics.protocol import protocol_for

    height, width = report.output_hw
    kinds = _kinds(report.engines)
    header = (
        "network",
        "share",
        "of all",
        "kept params",
        f"GMACs at {width}x{height}",
        *(["predicted ms"] if report.device else []),
        *(f"{kind} MB" for kind in kinds),
        "dB to dense",
        protocol_for(report.probe.io).psnr_title,
    )
    rows = [_row(figures, kinds) for figures in (report.dense, *report.engines)]
    tile = report.tile
    return "\n".join(
        (
            *(f"network: {note}" for note in report.notes),
            *report.probe.lines(),
            *([_rounding(report.quantized)] if report.quantized else []),
            f"tiles: halo {tile.halo} px, off by {255 * tile.bound:.2f} of 255 at most; receptive field "
            f"{'unbounded' if tile.receptive_field is None else f'{tile.receptive_field} px'}; {_closing(report)}",
            "",
            table(header, rows, "<" + ">" * (len(header) - 1)),
            "",
            *(f"{figures.name}: {why}" for figures in report.engines for why in figures.refusals.values()),
            *show_hardware(report.hardware),
            *show_frontier(report),
            *(line for figures in report.engines for line in _types(figures)),
            *_tiled(report),
            f"dB measured on {report.held_out} held-out {_state(report)}{_plain(report)}",
            *_adaptive(report),
            f"{report.seconds:.0f} s, {_memory(report)}",
        )
    )


def _adaptive(report: CompileReport) -> list[str]:
    """What choosing by region brings."""
    estimator = report.estimator
    if estimator is None:
        return []
    quality = estimator.quality
    return [
        f"adaptive: beta {estimator.beta:.4g} costs {estimator.budget:.4f} of dense on the calibration photos "
        f"({estimator.beta_engines:.4g} among the engines alone); at one engine's cost regions gain "
        f"{quality['gain_db']:.2f} dB on the held-out ones, {quality['oracle_gain_db']:.2f} if errors were known; "
        f"rank correlation {quality['rank_correlation']:.2f}, bias {quality['bias_db']:+.2f} dB"
    ]


def _types(figures: Figures) -> list[str]:
    """What an engine's layers compute in."""
    if not figures.layers:
        return []
    loss = "" if figures.loss is None else f"; that loses {figures.loss:.4f} dB"
    return [f"{figures.name}:", show_layers(figures.layers) + loss, ""]


def _tiled(report: CompileReport) -> list[str]:
    """What the multiply-accumulates of a network of one size are counted for."""
    if report.probe.io.fixed_hw is None:
        return []
    height, width = report.output_hw
    size = "{1}x{0}".format(*report.probe.io.fixed_hw)
    return [f"GMACs of the {report.tiles} tiles of {size}, halos included, that {width}x{height} takes"]


def _rounding(quantized: Quality) -> str:
    """What it means that the network's own file computes in integers."""
    taken = "quantized: taken as floating point, without rounding between its layers"
    if quantized.psnr_to_dense is None:
        return f"{taken}; what that changes was not measured: as its file has it, it does not run on the photos"
    itself = "" if quantized.psnr is None else f", with the rounding: {quantized.psnr:.2f} dB {quantized.psnr_name}"
    return f"{taken}; that changes held-out photos by {quantized.psnr_to_dense:.2f} dB{itself}"


def _out_of_reach(figures: Figures) -> str:
    return (
        f"engine {figures.name} keeps {figures.share_of_all:.0%} of all multiply-accumulates, "
        f"{figures.share:.1%} of those in the layers that can be pruned: the rest of the network costs what it did"
    )


def _closing(report: CompileReport) -> str:
    """How a user gets what the whole image would give."""
    tile = report.tile
    if tile.exact:
        return "`slsc run --exact` closes the gap"
    if report.probe.io.fixed_hw:
        return f"not to be closed: {tile.exact_reason}"
    return f"no halo closes the gap ({tile.exact_reason}), `slsc run --exact` does by running the photo whole"


def _state(report: CompileReport) -> str:
    if report.labelled:
        return "pairs"
    if report.probe.io.scale > 1 or not report.probe.undone:
        return "photos"
    return f"photos with {', '.join(report.probe.undone)}"


def _plain(report: CompileReport) -> str:
    """What doing nothing gives on them."""
    if report.plain_psnr is None:
        return ""
    return f"; {'bicubic' if report.probe.io.scale > 1 else 'the input'} has {report.plain_psnr:.2f}"


def _memory(report: CompileReport) -> str:
    return "memory unknown" if report.peak_bytes is None else f"{report.peak_bytes / 2**30:.1f} GiB at most"


def _kinds(engines: Sequence[Figures]) -> list[str]:
    """The kinds of artefacts that were made of some engine, or were to be."""
    return list(dict.fromkeys(kind for figures in engines for kind in (*figures.artefact_bytes, *figures.refusals)))


def _row(figures: Figures, kinds: Sequence[str]) -> tuple[str, ...]:
    quality = figures.quality
    return (
        figures.name,
        f"{figures.share:.4f}",
        f"{figures.share_of_all:.4f}",
        f"{figures.params:,}",
        f"{figures.macs / 1e9:.3f}",
        *([] if figures.predicted_ms is None else [f"{figures.predicted_ms:.2f}"]),
        *(f"{figures.artefact_bytes[kind] / 1e6:.2f}" if kind in figures.artefact_bytes else "-" for kind in kinds),
        "-" if quality.psnr_to_dense is None else f"{quality.psnr_to_dense:.2f}",
        "-" if quality.psnr is None else f"{quality.psnr:.2f}",
    )


def _as_json(report: CompileReport) -> dict[str, Any]:
    return {
        **dataclasses.asdict(report),
        "probe": report.probe.to_dict(),
        "hardware": report.hardware.to_dict(),
    }
