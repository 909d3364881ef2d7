"""Measure a network or bundle on reference images: PSNR, SSIM and LPIPS, against what it was given.

Super-resolution networks by the protocol of their literature: luma of BT.601 (16..235), as many pixels as the scale
left out at each border, inputs made by MATLAB's bicubic unless --lr gives them. Same-size networks on all channels of
the whole image, inputs from --lr (the blurred images, say), from --noise, or from a data set laid out as GOPRO. Output
is rounded to 8 bit; means over images. An ONNX file is run on whole images, a bundle in tiles as `slsc run` does.
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
    provider_backend,
)
from slsc.cli.console import Console, table

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
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads (default: all)")
    add_provider(parser, "the next is tried where one fails")
    add_binding_options(parser)
    add_interface_options(parser)


def run(args: argparse.Namespace, console: Console) -> int:
    """Run the verb."""
    from slsc.jobs.eval.evaluation import evaluate, mean_score
    from slsc.networks.restorer import open_restorer

    restorer = open_restorer(
        args.target,
        engine=args.engine,
        known=known_interface(args),
        threads=args.threads,
        binding=binding_of(args),
        backend=provider_backend(args.provider),
    )
    for doubt in restorer.doubts:
        console.note(f"slsc: warning: {doubt}")
    with contextlib.closing(restorer), console.stages() as progress:
        scores = evaluate(restorer, args.hr, args.lr, noise=args.noise, lpips=args.lpips, progress=progress)
    mean = mean_score(scores)
    psnr, baseline = mean.protocol.psnr_title, "input" if restorer.io.scale == 1 else "bicubic"
    header = ("image", psnr, "SSIM", f"{baseline} {psnr}", *(["LPIPS"] if args.lpips else []))
    console.report(table(header, [_row(score) for score in (*scores, mean)], "<" + ">" * (len(header) - 1)))
    console.result(target=str(args.target), doubts=list(restorer.doubts), scale=restorer.io.scale, mean=mean.to_dict())
    console.result(images=[score.to_dict() for score in scores])
    return 0


def _row(score: Score) -> tuple[str, ...]:
    distance = () if score.lpips is None else (f"{score.lpips:.4f}",)
    return (score.name, f"{score.psnr:.2f}", f"{score.ssim:.4f}", f"{score.baseline_psnr:.2f}", *distance)
