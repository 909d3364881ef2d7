"""Methods compared on networks: any of them, at any budgets, with equally much work, as Markdown and CSV.

Every row is one `slsc train` (--steps, on ground truth) or `slsc compile` (--effort, with the dense network as teacher)
in a process of its own, whose time and peak memory are the row's, one `slsc eval` per folder of references and one
`slsc inspect`. Networks and table.csv go to the output folder: rows in it are not made again, and a training run that
was killed goes on. The paper's own figures stand beside ours for the networks that are the paper's. What comes after
`--` is passed on to every command.

    python -m slsc.tools.search_table rfdn_x4.onnx --data TRAIN --hr Set14 --hr B100 --budget 1/8 --steps 2000 \\
        --start dense --start oneshot -o tables -- --batch 16 --patch 32
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from slsc.errors import DataError, SlscError, UsageError
from slsc.jobs.compile.efforts import EFFORTS
from slsc.methods import DENSE, METHODS, STARTS
from slsc.runtime.atomic import staged
from slsc.tools.experiment import Experiment, perform
from slsc.tools.table_file import as_markdown, cells_of, read_rows, write_rows

BUDGETS = ("1/4", "1/8", "1/16")


def experiments(
    network: str,
    methods: Sequence[str],
    starts: Sequence[str],
    budgets: Sequence[str],
    works: Sequence[str],
    options: tuple[str, ...] = (),
) -> list[Experiment]:
    """The rows of one network: the dense one as it is, then every combination that means something, once."""
    rows = [Experiment(network, DENSE.name, "", "1", "")]
    for work, budget, method, start in product(works, budgets, methods, starts or ("",)):
        trains = work.endswith("steps")
        declared = METHODS[method]
        if not trains and (not declared.needs_budget or (declared.needs_training and work == "none")):
            continue
        bound = budget if declared.needs_budget else "1"
        rows.append(Experiment(network, method, start if declared.starts else "", bound, work, "", options))
    return list(dict.fromkeys(rows))


def make_table(
    planned: Sequence[tuple[Path, Experiment]], data: Sequence[str], references: Sequence[Path], folder: Path
) -> int:
    """Make the rows that the folder's table.csv lacks; write it and table.md after each.

    Args:
        planned: dense network and what to do with it, by row.
        data: the options that give the images to search and train on.
        references: folders to measure PSNR on.
        folder: for the files.

    Returns:
        How many rows failed; they are told on stderr and left out.

    Raises:
        DataError: the folder holds a table of other columns.
    """
    names = [reference.name for reference in references]
    if len(set(names)) < len(names):
        raise DataError("two reference folders have the same name", where=", ".join(map(str, references)))
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "table.csv"
    rows = read_rows(table, names)
    done, failed = {row.experiment.key for row in rows}, 0
    for model, experiment in planned:
        if experiment.key in done:
            continue
        try:
            rows.append(perform(experiment, model, data, references, folder))
        except SlscError as error:
            print(f"{' '.join(experiment.key)}: {error}", file=sys.stderr, flush=True)
            failed += 1
            continue
        print(" ".join(cells_of(rows[-1])), file=sys.stderr, flush=True)
        write_rows(table, rows, names)
        with staged(folder / "table.md") as (stream, _):
            stream.write(as_markdown(rows, names).encode())
    return failed


def split_options(argv: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Own arguments, and what comes after `--`."""
    own = list(argv)
    if "--" not in own:
        return own, ()
    cut = own.index("--")
    return own[:cut], tuple(own[cut + 1 :])


def add_common(parser: argparse.ArgumentParser) -> None:
    """Declare what all tables take."""
    images = parser.add_mutually_exclusive_group(required=True)
    images.add_argument("--data", metavar="DIR", help="images to search and train on")
    images.add_argument("--pairs", nargs=2, metavar=("LQ", "HQ"), help="folders of inputs and of wanted outputs")
    parser.add_argument("--hr", type=Path, action="append", required=True, metavar="DIR", help="references; repeatable")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="for table and networks")


def data_options(args: argparse.Namespace) -> list[str]:
    """The images as options of `slsc train` and `slsc compile`."""
    return ["--data", args.data] if args.data else ["--pairs", *args.pairs]


def main(argv: Sequence[str] | None = None) -> int:
    """Parse arguments and make the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.onnx")
    add_common(parser)
    parser.add_argument("--method", action="append", choices=tuple(METHODS), help="repeatable; default: all")
    parser.add_argument("--start", action="append", choices=STARTS, help="repeatable")
    parser.add_argument("--budget", action="append", metavar="B", help=f"repeatable; default: {', '.join(BUDGETS)}")
    parser.add_argument("--steps", type=int, action="append", metavar="N", help="train so long; repeatable")
    parser.add_argument("--effort", action="append", choices=tuple(EFFORTS), help="compile with this; repeatable")
    own, options = split_options(sys.argv[1:] if argv is None else argv)
    args = parser.parse_args(own)
    try:
        works = [*(args.effort or []), *(f"{steps} steps" for steps in args.steps or [])]
        if not works:
            raise UsageError("how much work is a row?", hint="give --steps N or --effort none")
        planned = [
            (model, experiment)
            for model in args.models
            for experiment in experiments(
                model.stem, args.method or tuple(METHODS), args.start or (), args.budget or BUDGETS, works, options
            )
        ]
        failed = make_table(planned, data_options(args), args.hr, args.output)
    except SlscError as error:
        print(f"search_table: error: {error}", file=sys.stderr)
        return error.exit_code
    print(args.output / "table.md")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
