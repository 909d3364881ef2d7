"""N of every prunable layer, sorted by multiply-accumulates, as in Fig. 6 of the SLS paper: PNG, CSV and Markdown.

N is that of the plan: NETWORK.plan.json beside the network, or the bundle's. Without a plan it is what the weights
hold, the smallest such that no group of M consecutive input channels has more non-zeros.

    python -m slsc.tools.plot_layers tables/rfdn_x4_sls_1-8.onnx -o layers.png

Needs Matplotlib (`pip install slsc[figures]`).
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from slsc.errors import DataError, SlscError
from slsc.plan import Plan
from slsc.runtime.atomic import staged
from slsc.runtime.bundle.reader import open_bundle
from slsc.tools.experiment import inspected
from slsc.tools.figures import COLOURS, figure, save

HEADER = ("layer", "shape", "MMACs", "N", "M")


@dataclass(frozen=True)
class Bar:
    """One layer.

    Attributes:
        name: of its weight.
        shape: of its weight.
        macs: dense multiply-accumulates for an output of 1280x720.
        n: kept of every `m`.
        m: group size.
    """

    name: str
    shape: tuple[int, ...]
    macs: int
    n: int
    m: int

    def cells(self) -> tuple[str, ...]:
        """As text, by `HEADER`."""
        return self.name, "x".join(map(str, self.shape)), f"{self.macs / 1e6:.1f}", str(self.n), str(self.m)


def bars(target: Path, m: int) -> list[Bar]:
    """The prunable layers of a network, or of the first engine of a bundle, cheapest first; equals in graph order.

    Raises:
        DataError: there is none.
        VerificationError: the file cannot be inspected.
    """
    plan, report = planned(target), inspected(target, m)
    layers = [layer for layer in report["layers"] if layer["layer"]["prunable"]]
    if not layers:
        raise DataError("no prunable layer", where=str(target))
    found = []
    for layer in layers:
        name, shape = layer["layer"]["name"], tuple(layer["layer"]["shape"])
        n, group = plan.get(name, (layer["n"], report["m"]))
        found.append(Bar(name, shape, layer["macs"], n, group))
    return sorted(found, key=lambda bar: bar.macs)


def planned(target: Path) -> dict[str, tuple[int, int]]:
    """N and M by layer, of the plan that came with a network or a bundle's first engine; empty without one.

    Raises:
        SlscError: plan or bundle cannot be read.
    """
    beside = target.with_suffix(".plan.json")
    if target.suffix == ".slsb":
        plan = open_bundle(target).manifest.engines[0].plan
    else:
        plan = Plan.from_dict(json.loads(beside.read_text())) if beside.exists() else None
    return {layer.name: (layer.n, layer.m) for layer in plan.layers} if plan else {}


def as_csv(found: Sequence[Bar]) -> str:
    """A line a layer."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADER, *(bar.cells() for bar in found)])
    return text.getvalue()


def as_markdown(found: Sequence[Bar]) -> str:
    """A line a layer."""
    lines = [HEADER, (":--", ":--", "--:", "--:", "--:"), *(bar.cells() for bar in found)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def draw(found: Sequence[Bar], title: str, output: Path) -> None:
    """Write the figure: N as bars, the multiply-accumulates as steps behind another axis."""
    drawn = figure(9, 3.5)
    axes = drawn.add_subplot()
    places = range(1, len(found) + 1)
    axes.bar(places, [bar.n for bar in found], color=COLOURS[0], label="N")
    axes.set(title=title, xlabel="layer, by multiply-accumulates", ylabel=f"N of {found[0].m}")
    cost = axes.twinx()
    cost.step(places, [bar.macs / 1e6 for bar in found], where="mid", color=COLOURS[1], label="MMACs")
    cost.set_yscale("log")
    cost.set_ylabel("dense MMACs for 1280x720")
    drawn.legend(loc="outside lower center", ncols=2)
    save(drawn, output)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse arguments; write the figure and, beside it, the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", type=Path, metavar="NETWORK.onnx|BUNDLE.slsb")
    parser.add_argument("--m", type=int, default=32, metavar="M", help="group size of a network (default 32)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.png")
    args = parser.parse_args(argv)
    try:
        found = bars(args.network, args.m)
        draw(found, args.network.stem, args.output)
        for suffix, text in ((".csv", as_csv(found)), (".md", as_markdown(found))):
            with staged(args.output.with_suffix(suffix)) as (stream, _):
                stream.write(text.encode())
    except SlscError as error:
        print(f"plot_layers: error: {error}", file=sys.stderr)
        return error.exit_code
    print(args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
