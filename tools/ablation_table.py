"""What the parts of SLS are worth (Table 3 of the paper): one part changed at a time, at equal steps.

Rows are made, resumed and written as those of `slsc.tools.search_table`; what comes after `--` is passed on.

    python -m slsc.tools.ablation_table rfdn_x4.onnx --data TRAIN --hr Set14 --hr B100 --steps 2000 -o ablation
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from slsc.errors import SlscError
from slsc.methods import DENSE
from slsc.tools.experiment import Experiment
from slsc.tools.search_table import add_common, data_options, make_table, split_options

VARIANTS: Mapping[str, tuple[str, ...]] = {
    "": (),
    "no priority": ("--no-priority",),
    "no annealing": ("--no-annealing",),
    "never refreshed": ("--refresh", "never"),
    "refreshed every step": ("--refresh", "step"),
    "refreshed every epoch": ("--refresh", "epoch"),
    "refreshed every 10 epochs": ("--refresh", "10"),
    "M = 16": ("--m", "16"),
    "M = 8": ("--m", "8"),
    "M = 4": ("--m", "4"),
    "magnitude+2:4": ("--rule", "magnitude+2:4"),
}
"""Options of `slsc train` by what they change; "" is SLS as it is."""


def experiments(
    network: str, variants: Sequence[str], start: str, budget: str, steps: int, options: tuple[str, ...]
) -> list[Experiment]:
    """The rows of one network: the dense one as it is, then the variants."""
    work = f"{steps} steps"
    rows = [Experiment(network, "sls", start, budget, work, name, (*VARIANTS[name], *options)) for name in variants]
    return [Experiment(network, DENSE.name, "", "1", ""), *rows]


def main(argv: Sequence[str] | None = None) -> int:
    """Parse arguments and make the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.onnx")
    add_common(parser)
    parser.add_argument("--variant", action="append", choices=VARIANTS, help="repeatable; default: all")
    parser.add_argument("--start", choices=("dense", "oneshot"), default="dense", help="default: dense")
    parser.add_argument("--budget", default="1/8", metavar="B", help="default: 1/8")
    parser.add_argument("--steps", type=int, required=True, metavar="N", help="train so long")
    own, options = split_options(sys.argv[1:] if argv is None else argv)
    args = parser.parse_args(own)
    try:
        planned = [
            (model, experiment)
            for model in args.models
            for experiment in experiments(
                model.stem, args.variant or tuple(VARIANTS), args.start, args.budget, args.steps, options
            )
        ]
        failed = make_table(planned, data_options(args), args.hr, args.output)
    except SlscError as error:
        print(f"ablation_table: error: {error}", file=sys.stderr)
        return error.exit_code
    print(args.output / "table.md")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
