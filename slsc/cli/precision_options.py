"""Options that say what types a network computes in, and what is told of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from slsc.cli.console import table
from slsc.errors import UsageError

if TYPE_CHECKING:
    from slsc.jobs.type.precision import LayerType, Precision

HALVES = ("fp16", "bf16")
PRECISIONS = (*HALVES, "int8", "auto")
ALL_PRECISIONS = ("float32", *PRECISIONS)
ACTIVATIONS = ("uint8", "int8")


def add_precision_options(parser: argparse._ActionsContainer, choices: Sequence[str]) -> None:
    """Declare them; of `ALL_PRECISIONS` the first is the default, else one must be given."""
    default = choices[0] if choices == ALL_PRECISIONS else None
    parser.add_argument(
        "--precision",
        choices=choices,
        default=default,
        required=default is None,
        help=f"what convolutions compute in{' (default: %(default)s)' if default else ''}; int8: all but those that "
        "read or make the image; auto: layer by layer, int8 wherever --loss allows it, else 16 bits",
    )
    parser.add_argument(
        "--loss",
        type=float,
        metavar="DB",
        help="most that the types may cost on held-out photos, dB of PSNR (auto: 0.03 unless given); else exit with 3",
    )
    parser.add_argument(
        "--half",
        choices=HALVES,
        default=HALVES[0],
        help="the 16 bits of auto; ONNX Runtime has no bf16 on a CPU (default: %(default)s)",
    )
    parser.add_argument(
        "--activations",
        choices=ACTIVATIONS,
        default=ACTIVATIONS[0],
        help="integers of int8's activations: uint8 with any zero point (default), or int8 with zero point 0, the only "
        "ones TensorRT takes",
    )
    parser.add_argument(
        "--keep", action="append", default=[], metavar="NODE", help="node that stays float32; may be repeated"
    )


def precision_of(args: argparse.Namespace) -> Precision:
    """What the options ask for.

    Raises:
        UsageError: the loss is no number of 0 or more, or options do not go with the precision.
    """
    from slsc.jobs.type.precision import Precision

    if args.precision == ALL_PRECISIONS[0] and (args.loss is not None or args.keep):
        raise UsageError("--loss and --keep are of other precisions than float32", hint="use --precision auto")
    if args.half != HALVES[0] and args.precision != "auto":
        raise UsageError(f"--half {args.half} is of --precision auto", hint=f"use --precision {args.half}")
    if args.activations != ACTIVATIONS[0] and args.precision not in ("int8", "auto"):
        raise UsageError("--activations is of --precision int8 and auto")
    return Precision(args.precision, args.loss, args.half, args.activations == "int8", tuple(args.keep))


def show_layers(layers: Sequence[LayerType]) -> str:
    """The table of layers, and how the multiply-accumulates are shared out."""
    rows = [
        (layer.name, layer.precision, f"{layer.share:.1%}", "-" if layer.loss is None else f"{layer.loss:.4f}")
        for layer in layers
    ]
    kinds = dict.fromkeys(layer.precision for layer in layers)
    shares = ((kind, sum(layer.share for layer in layers if layer.precision == kind)) for kind in kinds)
    told = ", ".join(f"{share:.1%} {kind}" for kind, share in shares)
    return table(("layer", "precision", "MACs", "dB in int8"), rows, "<<>>") + f"\n\nmultiply-accumulates: {told}"
