"""Compile an ONNX network to one or several budgets, into a bundle that `slsc run` restores photos with.

The network's convolutions keep N of each M consecutive input-channel weights, N chosen layer by layer so that the
kept multiply-accumulates of the prunable layers are at most the budget. The dense network is the teacher: the photos
need no labels.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from slsc.cli.console import Console
from slsc.plan import parse_budget


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own arguments."""
    parser.add_argument("model", type=Path, metavar="MODEL.onnx", help="the trained network")
    parser.add_argument("--budget", type=parse_budget, action="append", required=True, metavar="B", help="kept share")


def run(args: argparse.Namespace, console: Console) -> int:
    """Run the verb."""
    console.note(str(args))
    return 0
