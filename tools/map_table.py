"""What 2:4 hardware can take of bundles, by our verdicts and by Polygraphy's, and what mapping would do to the rest.

For each engine, over the layers that may be pruned and keep at most half of M: how many are eligible as they are, by
`slsc inspect` and by `polygraphy inspect sparsity`; how many more after permuting channels alone, which loses nothing;
and the share of their energy (sum of squares) that projecting all of them would lose, without and after permuting.

    python -m slsc.tools.map_table plain.slsb mapped.slsb -o map.md

Polygraphy comes with `pip install slsc[profile]`; its column stays empty without.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from slsc.errors import SlscError
from slsc.jobs.inspect.inspection import parse_engine
from slsc.passes.analysis.layers import prunable_layers
from slsc.passes.base import PassContext
from slsc.passes.graph import image_channels
from slsc.passes.sparsity24.mapping import PERMUTED, map_sparse
from slsc.passes.sparsity24.permutation_search import Effort
from slsc.passes.sparsity24.project import energy_lost, projected
from slsc.passes.sparsity24.verdict import fits, refused_by_shape, verdict_of
from slsc.passes.weights import weight_values
from slsc.plan import Plan
from slsc.runtime.atomic import staged
from slsc.runtime.bundle.reader import open_bundle

HEADER = (
    "bundle",
    "engine",
    "layers",
    "keep at most half",
    "eligible",
    "by Polygraphy",
    "C%4 or grouped",
    "saved by permuting",
    "energy lost by projecting",
    "after permuting",
    "largest difference by permuting",
)


@dataclass(frozen=True)
class Row:
    """One engine.

    Attributes:
        bundle, engine: names.
        layers: that may be pruned.
        bound: of these, the ones that keep at most half.
        eligible: of these, the ones that 2:4 hardware can take.
        polygraphy: likewise by Polygraphy; None without it.
        shapes: those of `bound` whose shape rules them out.
        saved: how many more are eligible after permuting alone.
        lost: mean share of energy that projecting loses, over those that may be projected: before, after permuting.
        max_abs: largest difference that permuting makes to the output, in the network's range.
    """

    bundle: str
    engine: str
    layers: int
    bound: int
    eligible: int
    polygraphy: int | None
    shapes: int
    saved: int
    lost: tuple[float, float]
    max_abs: float

    def cells(self) -> tuple[str, ...]:
        """As the table shows it."""
        found = "" if self.polygraphy is None else str(self.polygraphy)
        counts = (self.layers, self.bound, self.eligible, found, self.shapes, self.saved)
        losses = (f"{100 * share:.3f} %" for share in self.lost)
        return (self.bundle, self.engine, *map(str, counts), *losses, f"{self.max_abs:.1e}")


def row_of(name: str, engine: str, model: onnx.ModelProto, plan: Plan, effort: Effort) -> Row:
    """Judge and map one engine."""
    layers = {layer.name: layer for layer in prunable_layers(model)}
    bound = [layer.name for layer in plan.layers if fits(layer.n, layer.m)]
    m = plan.layers[0].m
    values = weight_values(model)
    verdicts = {name: verdict_of(layers[name], values[name], m) for name in bound}
    image = np.random.default_rng(0).random((1, image_channels(model), 48, 48), np.float32)
    mapped = map_sparse(model, plan, effort, PassContext((image,)), lambda *told: None)
    ordered = weight_values(mapped.ordered.model)
    may = [name for name in bound if refused_by_shape(layers[name]).eligible]
    lost = [[energy_lost(each[name], projected(each[name])) for name in may] or [0.0] for each in (values, ordered)]
    sparse = _by_polygraphy(model)
    return Row(
        bundle=name,
        engine=engine,
        layers=len(layers),
        bound=len(bound),
        eligible=sum(verdict.eligible for verdict in verdicts.values()),
        polygraphy=None if sparse is None else len(sparse.intersection(bound)),
        shapes=len(bound) - len(may),
        saved=sum(layer.state == PERMUTED for layer in mapped.layers),
        lost=(float(np.mean(lost[0])), float(np.mean(lost[1]))),
        max_abs=mapped.ordered.max_abs,
    )


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a table."""
    lines = [HEADER, ("---",) * len(HEADER), *(row.cells() for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _by_polygraphy(model: onnx.ModelProto) -> set[str] | None:
    """The weights in which `polygraphy inspect sparsity` finds the pattern; None where it is not installed."""
    try:
        from polygraphy.logger import G_LOGGER
        from polygraphy.tools.sparse import SparsityPruner
    except ModuleNotFoundError:
        return None
    pruner = SparsityPruner(model)
    with G_LOGGER.verbosity(G_LOGGER.ERROR), np.errstate(over="ignore"):  # it casts the largest double to float
        pruner.check()
    return set(pruner.sparse_tensors)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse arguments and make the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", nargs="+", type=Path, metavar="BUNDLE.slsb")
    parser.add_argument("--sweeps", type=int, default=8, help="how often every channel is tried (default: 8)")
    parser.add_argument("--seconds", type=float, default=300.0, help="for each engine at most (default: 300)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.md")
    args = parser.parse_args(argv)
    rows: list[Row] = []
    try:
        for path in args.bundles:
            bundle = open_bundle(path)
            for engine in bundle.manifest.engines:
                if engine.plan is None:
                    print(f"{path}: engine {engine.name} has no plan", file=sys.stderr)
                    continue
                model = parse_engine(bundle.read(engine.onnx), engine)
                effort = Effort(args.sweeps, args.seconds)
                rows.append(row_of(path.stem, engine.name, model, engine.plan, effort))
                print(" ".join(rows[-1].cells()), file=sys.stderr, flush=True)
        with staged(args.output) as (stream, _):
            stream.write(markdown(rows).encode())
    except SlscError as error:
        print(f"map_table: error: {error}", file=sys.stderr)
        return error.exit_code
    print(args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
