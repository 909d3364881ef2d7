"""Show a network's or a bundle's layers: shape, cost, N:M pattern, and whether 2:4 hardware could take them.

N:M is what the weights hold: the smallest N such that no group of M consecutive input channels has more non-zeros.
2:4 names the first window of 4 input channels with more than 2 non-zeros, as output channel k, first input channel c,
kernel position r,s. Eligible is not faster: the builder of the engine times both ways and often stays dense.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from slsc.cli.console import Console, table

if TYPE_CHECKING:
    from slsc.inspection import LayerReport, NetworkReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own arguments."""
    parser.add_argument("file", type=Path, metavar="MODEL.onnx|BUNDLE.slsb", help="what to look at")
    parser.add_argument("--m", type=int, default=32, metavar="M", help="group size of N:M for a network (default 32)")


def show_network(report: NetworkReport) -> str:
    """The per-layer table and the totals, as text."""
    header = ("weight", "shape", "groups", f"N:{report.m}", "MMACs", "kept", "prunable", "2:4", "why not 2:4")
    return "\n".join((table(header, [_row(layer) for layer in report.layers], "<<>>>><<<"), "", *_totals(report)))


def _row(report: LayerReport) -> tuple[object, ...]:
    layer = report.layer
    return (
        layer.name + (f" (used {layer.uses} times)" if layer.uses > 1 else ""),
        "x".join(map(str, layer.shape)),
        layer.groups,
        "-" if report.n is None else report.n,
        f"{report.macs / 1e6:.1f}",
        f"{100 * report.nonzeros / max(report.weights, 1):.1f} %",
        "yes" if layer.prunable else "no",
        "no" if report.why_not_2to4 else "eligible",
        report.why_not_2to4,
    )


def _totals(report: NetworkReport) -> list[str]:
    height, width = report.output_hw
    eligible = sum(not layer.why_not_2to4 for layer in report.layers)
    lines = [
        f"{len(report.layers)} layers, {sum(layer.layer.prunable for layer in report.layers)} prunable, "
        f"{eligible} eligible for 2:4",
        f"{report.kept_params:,} of {report.params:,} parameters are not zero",
        f"{report.kept_macs / 1e9:.3f} of {report.macs / 1e9:.3f} GMACs have a non-zero weight (output {width}x{height})",
    ]
    refusals = [
        f"not prunable: {layer.layer.name}: {layer.layer.reason}" for layer in report.layers if layer.layer.reason
    ]
    return lines + refusals
