"""Quality over time as files: Markdown, CSV, and a figure where Matplotlib is installed."""

from __future__ import annotations

import csv
import importlib.util
import io
from collections.abc import Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from itertools import cycle, product
from pathlib import Path

from slsc.runtime.atomic import staged
from slsc.tools.bench_report import table
from slsc.tools.figures import COLOURS, MARKERS, figure, save

NATIVE = "native"

DIGITS = {"milliseconds": 1, "psnr": 3}


@dataclass(frozen=True)
class Point:
    """One network in one runtime and precision.

    Attributes:
        network: its name.
        runtime: that runs it.
        precision: it computes in.
        budget: kept / dense multiply-accumulates over the prunable layers, a fraction; "1" when dense.
        milliseconds: of the processor for one image, 0 before it was timed.
        psnr: mean over reference images, dB, 0 before it was told.
    """

    network: str
    runtime: str
    precision: str
    budget: str
    milliseconds: float = 0.0
    psnr: float = 0.0


def foremost(points: Sequence[Point]) -> list[Point]:
    """Those than which none is both faster and better, by ascending time."""
    found: list[Point] = []
    for point in sorted(points, key=lambda point: (point.milliseconds, -point.psnr)):
        if not found or point.psnr > found[-1].psnr:
            found.append(point)
    return found


def markdown(points: Sequence[Point], references: str, size: str) -> str:
    """The table, by ascending time; what lies on the upper left edge is marked."""
    edge = foremost(points)
    titles = (*(field.name for field in fields(Point)[:4]), f"ms at {size}", f"{references} dB", "foremost")
    ordered = sorted(points, key=lambda point: point.milliseconds)
    return table(titles, [(*_cells(point), "yes" if point in edge else "") for point in ordered])


def write_page(path: Path, points: Sequence[Point], references: str, size: str) -> str:
    """Write the table to `path`, CSV and a figure beside it, each whole or not at all, and return the table.

    Args:
        path: ends in .md.
        points: measured.
        references: name of the reference images.
        size: of the image that was timed, height x width.
    """
    page = markdown(points, references, size)
    _write(path, page)
    text = io.StringIO()
    rows = [[field.name for field in fields(Point)], *map(_cells, points)]
    csv.writer(text, lineterminator="\n").writerows(rows)
    _write(path.with_suffix(".csv"), text.getvalue())
    if importlib.util.find_spec("matplotlib"):
        draw(path.with_suffix(".png"), points, references, size)
    return page


def draw(path: Path, points: Sequence[Point], references: str, size: str) -> None:
    """Write the figure: a colour a network, a marker a runtime and precision, ours full and with a line."""
    drawn = figure(9, 5)
    axes = drawn.add_subplot()
    colours = dict(zip(sorted({point.network for point in points}), cycle(COLOURS), strict=False))
    runtimes = sorted({point.runtime for point in points} - {NATIVE})
    precisions = sorted({point.precision for point in points})
    markers = dict(zip(product([NATIVE, *runtimes], precisions), cycle(MARKERS), strict=False))
    for label, group in _groups(points).items():
        ours, colour = group[0].runtime == NATIVE, colours[group[0].network]
        times, quality = zip(*((point.milliseconds, point.psnr) for point in group), strict=True)
        axes.plot(
            *(times, quality, markers[group[0].runtime, group[0].precision] + ("-" if ours else "")),
            color=colour,
            label=label,
            markersize=5 if ours else 8,
            markerfacecolor=colour if ours else "none",
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.tick_params(axis="x", which="both", labelrotation=60)
    axes.set(xlabel=f"ms of the processor, input {size}", ylabel=f"{references}, PSNR (dB)")
    axes.grid(alpha=0.3, which="both")
    drawn.legend(fontsize="x-small", loc="outside right upper")
    save(drawn, path)


def _groups(points: Sequence[Point]) -> dict[str, list[Point]]:
    """Points by network, runtime and precision, by ascending budget."""
    found: dict[str, list[Point]] = {}
    for point in sorted(points, key=lambda point: (point.runtime != NATIVE, point.network, Fraction(point.budget))):
        label = f"{point.network}, {point.precision}, " + ("ours" if point.runtime == NATIVE else point.runtime)
        found.setdefault(label, []).append(point)
    return found


def _cells(point: Point) -> list[str]:
    return [f"{value:.{DIGITS[name]}f}" if name in DIGITS else str(value) for name, value in point.__dict__.items()]


def _write(path: Path, text: str) -> None:
    with staged(path) as (stream, _):
        stream.write(text.encode())
