"""A sweep as files: CSV, Markdown, and a figure where Matplotlib is installed."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from slsc.jobs.eval.sweep import Point, Sweep
from slsc.jobs.eval.sweep_summary import Worth, worth
from slsc.runtime.atomic import staged

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEADER = ("kind", "setting", "cost", "gmacs", "psnr_db", "milliseconds", "above_line_db")
DIGITS = (None, None, 4, 3, 3, 1, 3)

STYLES = {
    "fixed": ("o", "#000000", "one engine everywhere"),
    "classes": ("D", "#CC79A7", "by class"),
    "beta": ("s-", "#0072B2", "adaptive, by beta"),
    "budget": ("^-", "#009E73", "adaptive, by budget"),
    "time": ("v-", "#E69F00", "adaptive, by time"),
    "oracle": (":", "#D55E00", "if errors were known"),
}
"""Marker and line, colour (Okabe and Ito's, for colour-blind readers) and name of each kind."""


def _cells(point: Point) -> list[str]:
    return [
        str(value) if digits is None else "" if value is None else f"{value:.{digits}f}"
        for value, digits in zip(point.__dict__.values(), DIGITS, strict=True)
    ]


def write_csv(path: Path, found: Sweep) -> None:
    """Write every point as a row, whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([HEADER, *map(_cells, found.points)])
    _write(path, text.getvalue())


def markdown(found: Sweep) -> str:
    """The sweep as a page."""
    rows = [" | ".join(cells) for cells in (HEADER, *map(_cells, found.points))]
    rows.insert(1, " | ".join(["---"] * 2 + ["--:"] * (len(HEADER) - 2)))
    threads = f"{found.threads} threads" if found.threads > 1 else "one thread" if found.threads else "all cores"
    return "\n".join(
        (
            f"# {found.bundle} on {found.folder}",
            "",
            f"{found.images} images, {found.protocol.psnr_title}, backend {found.backend}, {threads}. `cost` is what "
            "was run as a share of the dense network; `gmacs` that for 1280x720 of output, estimating included; "
            "`milliseconds` of an image, of the processor where one thread runs; `above_line` against the line through "
            "the engines that restore everything. "
            "The oracle chooses by real errors, from whole-image outputs put together; it cannot be run.",
            "",
            *(f"| {row} |" for row in rows),
            "",
            *_summary(worth(found)),
        )
    )


def _summary(engines: Sequence[Worth]) -> list[str]:
    """A table of what choosing is worth; nothing where no engine can be compared."""
    if not engines:
        return []
    rows = [
        (
            each.engine,
            f"{each.gain:.3f}",
            _or_empty(each.oracle_gain, ".3f"),
            _percent(each.share),
            _or_empty(each.time, ".2f"),
            _or_empty(each.time_by_time, ".2f"),
        )
        for each in engines
    ]
    return [
        "At the cost of one engine everywhere, and at its PSNR, by budget; in the last column by time:",
        "",
        "| engine | gain, dB | oracle's gain, dB | share of it | time at equal PSNR | chosen by time |",
        "| --- | --: | --: | --: | --: | --: |",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
    ]


def _or_empty(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}".replace("%", " %")


def write_markdown(path: Path, found: Sweep) -> None:
    """Write `markdown`, whole or not at all."""
    _write(path, markdown(found))


def write_figure(path: Path, found: Sweep) -> bool:
    """Draw quality over multiply-accumulates and over time; False, and nothing written, without Matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    drawn = Figure(figsize=(10, 4.2), layout="constrained", dpi=150)
    left, right = drawn.subplots(1, 2, sharey=True)
    for kind in STYLES:
        points = found.of(kind)
        _draw(left, kind, [(point.gmacs, point.psnr) for point in points])
        if kind != "oracle":
            timed = [(point.milliseconds, point.psnr) for point in points if point.milliseconds is not None]
            _draw(right, kind, sorted(timed))
    line = [(point.gmacs, point.psnr) for point in found.of("fixed")]
    left.plot(*zip(*line, strict=True), "--", color="#999999", label="line between them")
    left.set(xlabel="GMACs at 1280x720", ylabel=f"{found.protocol.psnr_title} (dB)", title=found.folder)
    right.set(xlabel="ms an image", title=f"{found.bundle}, {found.backend}")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    left.legend(fontsize="small")
    with staged(path) as (stream, _):
        drawn.savefig(stream, format="png")
    return True


def _draw(axes: Axes, kind: str, points: Sequence[tuple[float, float]]) -> None:
    style, colour, label = STYLES[kind]
    if points:
        axes.plot(*zip(*points, strict=True), style, color=colour, label=label, markersize=4)


def _write(path: Path, text: str) -> None:
    with staged(path) as (stream, _):
        stream.write(text.encode())
