"""Measure a network or bundle on reference images: PSNR, SSIM and LPIPS, against what it was given.

Super-resolution networks by the protocol of their literature: luma of BT.601 (16..235), as many pixels as the scale
left out at each border, inputs made by MATLAB's bicubic unless --lr gives them. Same-size networks on all channels of
the whole image, inputs from --lr (the blurred images, say), from --noise, or from a data set laid out as GOPRO. Output
is rounded to 8 bit; means over images. An ONNX file is run on whole images, with every rounding of activations to
integers that it has, a bundle as `slsc run` does.
"""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from slsc.cli.arguments import (
    add_binding_options,
    add_interface_options,
    add_provider,
    binding_of,
    existing_folder,
    known_interface,
    output_path,
    provider_backend,
)
from slsc.cli.console import Console, table
from slsc.errors import UsageError
from slsc.runtime.backends import BACKENDS

if TYPE_CHECKING:
    from slsc.jobs.eval.evaluation import Score


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own arguments."""
    parser.add_argument("target", type=Path, metavar="MODEL.onnx|BUNDLE.slsb", help="what to measure")
    parser.add_argument(
        "--hr", type=existing_folder, required=True, metavar="DIR", help="reference images, or a data set"
    )
    parser.add_argument("--lr", type=existing_folder, metavar="DIR", help="inputs of the same names")
    parser.add_argument("--noise", type=float, metavar="SIGMA", help="make inputs by adding Gaussian noise, of 255")
    parser.add_argument("--engine", metavar="NAME", help="engine of the bundle (default: its first)")
    parser.add_argument("--lpips", action="store_true", help="measure LPIPS too (needs the package lpips)")
    parser.add_argument(
        "--sweep",
        type=Path,
        metavar="OUT.md",
        help="of a bundle compiled with --adaptive: quality over cost and time, as OUT.md, OUT.csv and OUT.png",
    )
    parser.add_argument("--backend", choices=tuple(BACKENDS), help="what runs a sweep (default: the first that can)")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads (default: all)")
    add_provider(parser, "the next is tried where one fails")
    add_binding_options(parser)
    add_interface_options(parser)


def run(args: argparse.Namespace, console: Console) -> int:
    """Run the verb."""
    from slsc.jobs.eval.evaluation import evaluate, mean_score
    from slsc.networks.restorer import open_restorer

    if args.sweep:
        return _sweep(args, console)
    if args.backend:
        raise UsageError("--backend goes with --sweep", hint="leave out --backend")
    restorer = open_restorer(
        args.target,
        engine=args.engine,
        known=known_interface(args),
        threads=args.threads,
        binding=binding_of(args),
        backend=provider_backend(args.provider),
    )
    for doubt in restorer.doubts:
        console.warning(doubt)
    with contextlib.closing(restorer), console.stages() as progress:
        scores = evaluate(restorer, args.hr, args.lr, noise=args.noise, lpips=args.lpips, progress=progress)
    mean = mean_score(scores)
    psnr, baseline = mean.protocol.psnr_title, "input" if restorer.io.scale == 1 else "bicubic"
    header = ("image", psnr, "SSIM", f"{baseline} {psnr}", *(["LPIPS"] if args.lpips else []))
    header += () if mean.cost is None else ("of dense MACs",)
    console.report(table(header, [_row(score) for score in (*scores, mean)], "<" + ">" * (len(header) - 1)))
    console.result(target=str(args.target), doubts=list(restorer.doubts), scale=restorer.io.scale, mean=mean.to_dict())
    console.result(images=[score.to_dict() for score in scores])
    return 0


def _sweep(args: argparse.Namespace, console: Console) -> int:
    from slsc.jobs.eval.sweep import require_sweepable, sweep
    from slsc.jobs.eval.sweep_page import markdown, write_csv, write_figure, write_markdown

    require_sweepable(args.noise, args.engine, args.lpips, args.target.suffix)
    page = output_path(args.sweep, ".md", args.target)
    with console.stages() as progress:
        found = sweep(
            args.target,
            args.hr,
            args.lr,
            backend=provider_backend(args.provider, args.backend),
            threads=args.threads,
            progress=progress,
        )
    figure = page.with_suffix(".png")
    if write_figure(figure, found):
        console.artefact(figure)
    else:
        console.warning("no figure is drawn: Matplotlib is not installed; pip install slsc[figures]")
    write_csv(page.with_suffix(".csv"), found)
    console.artefact(page.with_suffix(".csv"))
    write_markdown(page, found)
    console.artefact(page)
    console.report(markdown(found))
    console.result(target=str(args.target), backend=found.backend, points=[point.__dict__ for point in found.points])
    return 0


def _row(score: Score) -> tuple[str, ...]:
    more = [f"{value:.4f}" for value in (score.lpips, score.cost) if value is not None]
    return (score.name, f"{score.psnr:.2f}", f"{score.ssim:.4f}", f"{score.baseline_psnr:.2f}", *more)
