"""Results of the engine benchmark, as Markdown tables and CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

OURS, BASELINE, SPARSE_PEER = "native", "onnxruntime", "mnn-sparse"
DENSE = Fraction(1)

COLUMNS = (
    *("network", "budget", "contender", "version", "threads", "size", "gmacs"),
    *("median_ms", "min_ms", "max_ms", "runs", "agreement_db", "peak_mib", "failure", "times_ms"),
)
"""Of the CSV."""

Goal = tuple[float, float, float]
GOALS: Mapping[str, Mapping[Fraction, Goal]] = {
    name: {Fraction(1, 4): (3.3, 2, 3), Fraction(1, 8): (6, 3.5, 3.5), Fraction(1, 16): (10, 5.5, 4)}
    for name in ("edsr_baseline_x4", "carn_x4", "rfdn64_x4")
} | {"rfdn_x4": {Fraction(1, 8): (4.5, 2.8, 3)}}
"""How many times faster than the baseline, the fastest dense engine and the sparse peer the native engine should be."""


@dataclass(frozen=True)
class Row:
    """One contender on one network with one number of threads.

    Attributes:
        network: name in the zoo.
        budget: kept / dense MACs over the prunable layers, 1 when dense.
        contender: name of it.
        version: of its package, empty when it could not be loaded.
        threads: it was allowed.
        gmacs: weight MACs of one image / 10^9, pruned ones left out.
        seconds: wall-clock time of each timed run; empty when there were none.
        agreement_db: PSNR of its output against ONNX Runtime's on the same network, the output's range as the peak.
        peak_mib: most its process had resident, MiB.
        failure: why there is no time; empty when there is.
    """

    network: str
    budget: Fraction
    contender: str
    threads: int
    version: str = ""
    gmacs: float = 0.0
    seconds: tuple[float, ...] = ()
    agreement_db: float | None = None
    peak_mib: float | None = None
    failure: str = ""

    @property
    def median(self) -> float:
        """Of the times, seconds; NaN where there are none."""
        return float(np.median(self.seconds)) if self.seconds else float("nan")


def markdown(rows: Sequence[Row], peak_gflops: float) -> str:
    """All tables: what was reached against the goals, then every contender by network.

    Args:
        rows: in any order.
        peak_gflops: FMA peak of one core, for the shares of it.
    """
    parts = ["### Native engine against the others", _goals_table(rows, peak_gflops)]
    for network in dict.fromkeys(row.network for row in rows):
        parts += [f"### {network}", _network_table([row for row in rows if row.network == network], peak_gflops)]
    return "\n\n".join(parts) + "\n"


def write_csv(path: Path, rows: Iterable[Row], size: str) -> None:
    """One line per row; times in milliseconds, all of them in the last column."""
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for row in rows:
            times = [f"{1e3 * second:.3f}" for second in sorted(row.seconds)]
            writer.writerow(
                [
                    row.network,
                    row.budget,
                    row.contender,
                    row.version,
                    row.threads,
                    size,
                    f"{row.gmacs:.4f}",
                    f"{1e3 * row.median:.3f}" if times else "",
                    *((times[0], times[-1]) if times else ("", "")),
                    len(times),
                    _figure(row.agreement_db, 1),
                    _figure(row.peak_mib, 1),
                    row.failure,
                    " ".join(times),
                ]
            )


def _network_table(rows: Sequence[Row], peak_gflops: float) -> str:
    """Every contender on one network."""
    lines = []
    for row in sorted(rows, key=lambda row: (row.threads, -row.budget)):
        rate = 2 * row.gmacs / row.median
        lines.append(
            [
                row.threads,
                row.budget,
                row.contender,
                _milliseconds(row.median),
                f"{_milliseconds(min(row.seconds))}–{_milliseconds(max(row.seconds))}" if row.seconds else row.failure,
                f"{rate:.0f}" if row.seconds else "–",
                f"{rate / (peak_gflops * row.threads):.0%}" if row.seconds else "–",
                _figure(row.agreement_db, 0) or "–",
                _figure(row.peak_mib, 0) or "–",
            ]
        )
    header = ["threads", "kept", "engine", "median ms", "range ms", "GFLOP/s", "of peak", "agreement dB", "peak MiB"]
    return table(header, lines)


def _goals_table(rows: Sequence[Row], peak_gflops: float) -> str:
    """Ours by network and budget: times faster than each kind of peer, with the goal."""
    lines = []
    for ours in (row for row in rows if row.contender == OURS):
        alike = [row for row in rows if row.network == ours.network and row.threads == ours.threads]
        peers = [row for row in alike if row.contender != OURS and row.budget == DENSE and row.seconds]
        fastest = min(peers, key=lambda row: row.median, default=None)
        sparse = next((row for row in alike if row.contender == SPARSE_PEER and row.budget == ours.budget), None)
        goals: tuple[float | None, float | None, float | None]
        goals = GOALS.get(ours.network, {}).get(ours.budget, (None, None, None))
        if ours.budget == DENSE:
            goals = (1.0, None, None)
        baseline = next((row for row in peers if row.contender == BASELINE), None)
        lines.append(
            [
                ours.network,
                ours.budget,
                ours.threads,
                _milliseconds(ours.median),
                f"{2 * ours.gmacs / ours.median / (peak_gflops * ours.threads):.0%}" if ours.seconds else "–",
                _ratio(baseline, ours, goals[0]),
                _ratio(fastest, ours, goals[1]),
                fastest.contender if fastest else "–",
                _ratio(sparse, ours, goals[2]),
                _memory_ratio(baseline, ours),
            ]
        )
    header = ["network", "kept", "threads", "native ms", "of peak", f"× {BASELINE} dense", "× fastest dense peer"]
    return table([*header, "which is", f"× {SPARSE_PEER}", f"peak MiB: native / {BASELINE}"], lines)


def _ratio(peer: Row | None, ours: Row, goal: float | None) -> str:
    """How many times faster ours is, bold where short of the goal."""
    if peer is None or not peer.seconds or not ours.seconds:
        return "–"
    ratio = peer.median / ours.median
    if goal is None:
        return f"{ratio:.2f}"
    text = f"{ratio:.2f} (≥ {goal:g})"
    return text if ratio >= goal else f"**{text}**"


def _memory_ratio(baseline: Row | None, ours: Row) -> str:
    if baseline is None or baseline.peak_mib is None or ours.peak_mib is None:
        return "–"
    return f"{ours.peak_mib:.0f} / {baseline.peak_mib:.0f}"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    lines = [list(header), ["---"] * len(header), *([str(cell).replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _figure(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _milliseconds(seconds: float) -> str:
    """Three significant digits at least; a dash for NaN."""
    if np.isnan(seconds):
        return "–"
    return f"{1e3 * seconds:.0f}" if seconds >= 0.1 else f"{1e3 * seconds:.1f}"
