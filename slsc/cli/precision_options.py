"""Options that say what types a network computes in, and what is told of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from slsc.cli.console import table
from slsc.errors import UsageError

if TYPE_CHECKING:
    from slsc.jobs.type.precision import LayerType
    from slsc.jobs.type.wanted import Precision

HALVES = ("fp16", "bf16", "bf16-rounded")
PRECISIONS = (*HALVES, "int8", "auto")
ALL_PRECISIONS = ("float32", *PRECISIONS)
BESIDE = (*HALVES, "float32")
ACTIVATIONS = ("uint8", "int8")


def add_precision_options(parser: argparse._ActionsContainer, choices: Sequence[str]) -> None:
    """Declare them; where float32 is among `choices`, none need be given."""
    default = (
        " (default: auto with --loss 0.01, --half float32 and --activations int8, or bf16-rounded, whichever makes the "
        "native engine faster on this processor, else float32)"
    )
    parser.add_argument(
        "--precision",
        choices=choices,
        required=choices != ALL_PRECISIONS,
        help=f"what convolutions compute in{default if choices == ALL_PRECISIONS else ''}; int8: all but those that "
        "read or make the image; auto: layer by layer, int8 wherever --loss allows it, else what --half says; "
        "bf16-rounded: numbers of bf16 in a float32 network, which runs everywhere, and in bf16 in the native engine",
    )
    parser.add_argument(
        "--loss",
        type=float,
        metavar="DB",
        help="most that the types may cost on held-out photos, dB of PSNR (auto: 0.03 unless given); else exit with 3",
    )
    parser.add_argument(
        "--half",
        choices=BESIDE,
        default=BESIDE[0],
        help="what auto gives layers that do not get int8; ONNX Runtime has no bf16 on a CPU (default: %(default)s)",
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


def narrows(args: argparse.Namespace) -> bool:
    """Whether fewer bits than float32's are asked for."""
    return args.precision not in (None, ALL_PRECISIONS[0])


def precision_of(args: argparse.Namespace) -> Precision:
    """What the options ask for.

    Raises:
        UsageError: the loss is no number of 0 or more, or options do not go with the precision.
    """
    from slsc.jobs.type.wanted import WHERE_IT_PAYS, Precision

    if not narrows(args) and (args.loss is not None or args.keep):
        raise UsageError("--loss and --keep are of other precisions than float32", hint="use --precision auto")
    if args.half != BESIDE[0] and args.precision != "auto":
        raise UsageError(f"--half {args.half} is of --precision auto", hint=f"use --precision {args.half}")
    if args.activations != ACTIVATIONS[0] and args.precision not in ("int8", "auto"):
        raise UsageError("--activations is of --precision int8 and auto")
    if args.precision is None:
        return WHERE_IT_PAYS
    return Precision(args.precision, args.loss, args.half, args.activations == "int8", tuple(args.keep))


def show_layers(layers: Sequence[LayerType]) -> str:
    """The table of layers, and their shares."""
    rows = [
        (layer.name, layer.precision, f"{layer.share:.1%}", "-" if layer.loss is None else f"{layer.loss:.4f}")
        for layer in layers
    ]
    return table(("layer", "precision", "MACs", "dB in int8"), rows, "<<>>") + f"\n\n{show_shares(layers)}"


def show_shares(layers: Sequence[LayerType]) -> str:
    """How the multiply-accumulates are shared out among the precisions."""
    kinds = dict.fromkeys(layer.precision for layer in layers)
    shares = ((kind, sum(layer.share for layer in layers if layer.precision == kind)) for kind in kinds)
    return "multiply-accumulates: " + ", ".join(f"{share:.1%} {kind}" for kind, share in shares)
