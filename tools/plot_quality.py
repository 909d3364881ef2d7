"""PSNR over multiply-accumulates by method, as in Fig. 1 of the SLS paper, from the CSV files of the tables.

    python -m slsc.tools.plot_quality tables/table.csv --network rfdn_x4 --set Set14 -o quality.png

Needs Matplotlib (`pip install slsc[figures]`).
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

from slsc.errors import DataError, SlscError
from slsc.methods import DENSE
from slsc.tools.experiment import Experiment
from slsc.tools.figures import COLOURS, MARKERS, figure, save
from slsc.tools.table_file import read_rows, reference_names

Curve = list[tuple[float, float]]
"""(GMACs, PSNR in dB), ascending."""


def curves(paths: Sequence[Path], network: str, reference: str) -> dict[str, Curve]:
    """A curve for every method, start, work and variant of a network; "dense" alone for the network as it is given.

    Raises:
        DataError: a file cannot be read, or no row is of this network.
    """
    found: dict[str, Curve] = {}
    for path in paths:
        names = reference_names(path)
        if reference not in names:
            raise DataError(
                f"the table has no column for {reference}", where=str(path), why=f"it has {', '.join(names)}"
            )
        for row in read_rows(path, names):
            if row.experiment.network == network:
                point = (row.gmacs, row.psnr[names.index(reference)])
                found.setdefault(_label(row.experiment), []).append(point)
    if not found:
        raise DataError(f"no row of {network}", where=", ".join(map(str, paths)), hint="name another --network")
    return {label: sorted(set(points)) for label, points in found.items()}


def draw(found: Mapping[str, Curve], network: str, reference: str, output: Path) -> None:
    """Write the figure."""
    drawn = figure(6, 4.5)
    axes = drawn.add_subplot()
    ways = product(("-", "--", ":"), zip(COLOURS, MARKERS, strict=True))
    for (label, points), (line, (colour, marker)) in zip(sorted(found.items()), ways, strict=False):
        gmacs, psnr = zip(*points, strict=True)
        axes.plot(gmacs, psnr, line, color=colour, marker=marker, label=label)
    axes.set_xscale("log")
    axes.set_xticks(_ticks([gmacs for points in found.values() for gmacs, _ in points]))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.set(title=network, xlabel="GMACs for 1280x720", ylabel=f"{reference}, PSNR (dB)")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    save(drawn, output)


def _ticks(values: Sequence[float]) -> list[float]:
    """1, 2, 5, 10, ... from the one at or below the least value to the one at or above the greatest."""
    decades = range(math.floor(math.log10(min(values))) - 1, math.ceil(math.log10(max(values))) + 1)
    steps = [factor * 10.0**decade for decade in decades for factor in (1, 2, 5)]
    first = max((step for step in steps if step <= min(values)), default=steps[0])
    last = min((step for step in steps if step >= max(values)), default=steps[-1])
    return [step for step in steps if first <= step <= last]


def _label(done: Experiment) -> str:
    if done.method == DENSE.name and not done.work:
        return DENSE.name
    start = f"from {done.start}" if done.start else ""
    return ", ".join(filter(None, (f"{done.method} {done.variant}".strip(), start, done.work)))


def main(argv: Sequence[str] | None = None) -> int:
    """Parse arguments, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", type=Path, metavar="TABLE.csv")
    parser.add_argument("--network", required=True, metavar="NAME", help="name of the ONNX file, without suffix")
    parser.add_argument("--set", required=True, metavar="NAME", help="folder of references")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.png")
    args = parser.parse_args(argv)
    try:
        draw(curves(args.tables, args.network, args.set), args.network, args.set, args.output)
    except SlscError as error:
        print(f"plot_quality: error: {error}", file=sys.stderr)
        return error.exit_code
    print(args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
