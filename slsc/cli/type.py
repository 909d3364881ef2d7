"""Write types into an ONNX file: the same network in fp16, bf16 or int8, float32 at its ends.

For TensorRT 11, TensorRT-RTX and other runtimes that compute in the types they find. Weights of 8 bits are fitted to
photos, and activations clipped where the layers' outputs gain from it. The loss is measured on other photos, with every
tensor rounded as the type rounds it, whatever this machine's own arithmetic.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from slsc.cli.arguments import add_interface_options, existing_folder, known_interface, output_path
from slsc.cli.console import Console
from slsc.cli.precision_options import PRECISIONS, add_precision_options, precision_of, show_layers

if TYPE_CHECKING:
    from slsc.jobs.type.writing import TypeReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own arguments."""
    parser.add_argument("model", type=Path, metavar="MODEL.onnx", help="the float32 network")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.onnx", help="the file to write")
    parser.add_argument("--data", type=existing_folder, metavar="DIR", help="photos (default: scikit-image's own)")
    add_precision_options(parser, PRECISIONS)
    add_interface_options(parser)


def run(args: argparse.Namespace, console: Console) -> int:
    """Run the verb."""
    output = output_path(args.output, ".onnx", args.model)
    from slsc.jobs.type.writing import TypeRequest, write_typed

    request = TypeRequest(args.model, precision_of(args), output, args.data, known_interface(args))
    with console.stages() as progress:
        report = write_typed(request, progress)
    console.report(show(report))
    for doubt in report.doubts:
        console.warning(doubt)
    console.result(**dataclasses.asdict(report), loss_db=report.loss)
    console.artefact(output)
    return 0


def show(report: TypeReport) -> str:
    """What was written, and what it costs."""
    lines = [
        show_layers(report.layers),
        *([f"{report.casts} casts"] if report.casts else []),
        f"size: {report.before / 1e6:.2f} MB to {report.after / 1e6:.2f} MB",
        f"to float32: {report.typed.psnr_to_dense or 0:.2f} dB on {report.held_out} held-out photos",
    ]
    if report.loss is not None:
        lines.append(f"loss: {report.loss:.4f} dB of {report.dense.psnr:.2f} dB")
    return "\n".join(lines)
