"""A profile as a page: one HTML file that needs nothing else, for people who would rather look than read JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --faint: #6b7280; --line: #e2e5e9; --bar: #3b6fb6; --back: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --faint: #9aa3ad; --line: #2c3138; --bar: #6ea3e8; --back: #14171a; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); max-width: 60rem;
  margin: 3rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem; }
p.about { color: var(--faint); margin: 0 0 1.5rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { color: var(--faint); font-weight: 500; } th.words, td.words { text-align: left; }
figure { margin: 0; overflow-x: auto; } svg { width: 100%; height: auto; }
svg text { fill: var(--ink); font-size: 12px; }
svg .faint { fill: var(--faint); } svg .bar { fill: var(--bar); } svg .run { fill: var(--ink); opacity: .35; }
svg .axis { stroke: var(--line); } td .share { display: inline-block; height: .6rem; background: var(--bar); }
"""

ROW, LEFT, WIDTH, RIGHT = 34, 210, 860, 90
"""Of the chart, in its own units: height of a row, room for names, whole width, room for numbers."""

WORDS = ' class="words"'
OPERATION_HEADS = (("op", ""), ("what", WORDS), ("ms", ""), ("share", WORDS), ("GMAC", ""), ("GFLOP/s", ""))

FIGURES = ("p50_ms", "p90_ms", "p99_ms", "min_ms", "mean_ms")


def page(title: str, about: str, results: Sequence[Mapping[str, Any]]) -> str:
    """The page.

    Args:
        title: what was measured.
        about: how, in one line.
        results: as `slsc profile --json` gives them, each with the `milliseconds` of its runs.
    """
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="about">{escape(about)}</p>',
        f"<figure>{_chart(results)}</figure>",
        "<h2>Latency, milliseconds</h2>",
        _table(results),
        *(part for result in results if "per_op" in result for part in _operations(result)),
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{STYLE}</style></head>\n<body>\n{body}\n</body></html>\n'
    )


def _name(result: Mapping[str, Any]) -> str:
    return f"{result['engine']} on {result['backend']}"


def _chart(results: Sequence[Mapping[str, Any]]) -> str:
    """A bar to the median of each, its runs as dots."""
    most = max(max(result["milliseconds"]) for result in results) or 1.0
    scale = (WIDTH - LEFT - RIGHT) / most
    height = ROW * len(results) + 24
    shapes = []
    for index, result in enumerate(results):
        top = ROW * index + 6
        middle, median = top + ROW / 2 - 3, result["p50_ms"]
        shapes.append(f'<text x="{LEFT - 10}" y="{middle + 4}" text-anchor="end">{escape(_name(result))}</text>')
        shapes.append(
            f'<rect class="bar" x="{LEFT}" y="{top}" width="{median * scale:.1f}" height="{ROW - 12}" rx="2"/>'
        )
        shapes.extend(
            f'<circle class="run" cx="{LEFT + one * scale:.1f}" cy="{middle}" r="2.5"/>'
            for one in result["milliseconds"]
        )
        far = LEFT + max(result["milliseconds"]) * scale + 10
        shapes.append(f'<text x="{far:.1f}" y="{middle + 4}">{median:.1f} ms</text>')
    foot = height - 6
    shapes.append(f'<line class="axis" x1="{LEFT}" x2="{LEFT}" y1="0" y2="{height - 20}"/>')
    shapes.append(f'<text class="faint" x="{LEFT}" y="{foot}">0: bars are medians, dots are runs</text>')
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="latencies">{"".join(shapes)}</svg>'


def _table(results: Sequence[Mapping[str, Any]]) -> str:
    heads = "".join(f"<th>{figure.removesuffix('_ms')}</th>" for figure in FIGURES)
    rows = []
    for result in results:
        cells = "".join(f"<td>{result[figure]:.2f}</td>" for figure in FIGURES)
        rows.append(
            f'<tr><td class="words">{escape(_name(result))}</td>{cells}'
            f'<td class="words">{escape(result.get("compared", ""))}</td></tr>'
        )
    against = escape(f"beside {_name(results[0])}")
    head = f'<tr><th class="words">network</th>{heads}<th class="words">{against}</th></tr>'
    return f"<table>{head}{''.join(rows)}</table>"


def _told(value: float | None, form: str) -> str:
    """A number, where the backend tells it."""
    return "" if value is None else format(value, form)


def _operations(result: Mapping[str, Any]) -> list[str]:
    """Where the time goes, as a table whose bars are shares."""
    rows = "".join(
        f'<tr><td>{op["index"]}</td><td class="words">{escape(op["what"])}</td><td>{op["ms"]:.3f}</td>'
        f'<td class="words"><span class="share" style="width:{12 * op["share"]:.2f}rem"></span> {op["share"]:.1%}</td>'
        f"<td>{_told(op['gmac'], '.3f')}</td><td>{_told(op['gflops'], '.1f')}</td></tr>"
        for op in result["per_op"]
    )
    left = "".join(f"<th{words}>{name}</th>" for name, words in OPERATION_HEADS)
    head = f"<tr>{left}</tr>"
    return [f"<h2>{escape(_name(result))}, by operation</h2>", f"<table>{head}{rows}</table>"]
