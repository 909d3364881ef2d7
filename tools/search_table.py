"""Quality and price of the searches: dense, uniform, oneshot and finetuned, by budget, as one Markdown table.

Every row is one `slsc compile` in a process of its own, whose wall-clock time and peak memory are the row's, and one
`slsc eval` of the bundle per folder of references. Rows are printed and written as they come.

    python -m slsc.tools.search_table rfdn.onnx --data TRAIN --hr Set14 --hr B100 -o search.md
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slsc.errors import SlscError, VerificationError

SEARCHES = {"uniform": ("uniform", "none"), "oneshot": ("oneshot", "none"), "fast": ("oneshot", "fast")}
"""Row name -> method and effort of `slsc compile`."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        network: name of the ONNX file.
        search: "dense" or a key of `SEARCHES`.
        budget: as asked for; "1" for dense.
        share: kept / dense MACs over the prunable layers.
        psnr: PSNR-Y in dB by folder.
        seconds: wall-clock time of the compilation, None for dense.
        peak_mib: peak resident set of the compilation.
    """

    network: str
    search: str
    budget: str
    share: float
    psnr: tuple[float, ...]
    seconds: float | None
    peak_mib: float | None


def run_json(arguments: Sequence[str]) -> tuple[dict[str, Any], float, float]:
    """Run one `slsc` verb with --json in a process of its own: its object, wall-clock seconds, peak MiB.

    Raises:
        VerificationError: it failed; carries its own message.
    """
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "slsc", *arguments, "--json", "-q"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    outcome: dict[str, Any] = json.loads(output or "{}")
    if process.returncode:
        raise VerificationError(
            f"`slsc {' '.join(arguments)}` failed",
            why=outcome.get("error", {}).get("what", f"exit {process.returncode}"),
        )
    return outcome, time.monotonic() - begun, usage.ru_maxrss / 1024


def rows_of(
    model: Path, searches: Sequence[str], budgets: Sequence[str], data: Path, folders: Sequence[Path]
) -> Iterator[Row]:
    """The rows of one network, dense first."""
    yield Row(model.stem, "dense", "1", 1.0, _psnr(model, folders), None, None)
    for budget in budgets:
        for search in searches:
            method, effort = SEARCHES[search]
            with tempfile.TemporaryDirectory() as folder:
                bundle = Path(folder) / "network.slsb"
                options = ["--budget", budget, "--method", method, "--effort", effort, "--data", str(data)]
                outcome, seconds, peak = run_json(["compile", str(model), *options, "-o", str(bundle)])
                share = float(outcome["engines"][0]["share"])
                yield Row(model.stem, search, budget, share, _psnr(bundle, folders), seconds, peak)


def as_markdown(rows: Sequence[Row], folders: Sequence[Path]) -> str:
    """The table."""
    header = ["network", "search", "budget", "kept MACs", *(f"{folder.name} dB" for folder in folders), "s", "peak MiB"]
    lines = [header, [":--", ":--", *["--:"] * (len(header) - 2)], *(_cells(row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cells(row: Row) -> list[str]:
    price = ["", ""] if row.seconds is None or row.peak_mib is None else [f"{row.seconds:.0f}", f"{row.peak_mib:.0f}"]
    quality = [f"{value:.2f}" for value in row.psnr]
    return [row.network, row.search, row.budget, f"{row.share:.4f}", *quality, *price]


def _psnr(target: Path, folders: Sequence[Path]) -> tuple[float, ...]:
    outcomes = (run_json(["eval", str(target), "--hr", str(folder)])[0] for folder in folders)
    return tuple(float(outcome["mean"]["psnr_y"]) for outcome in outcomes)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse arguments, make the rows, write the table after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.onnx")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="photos to calibrate and finetune on")
    parser.add_argument("--hr", type=Path, action="append", required=True, metavar="DIR", help="references; repeatable")
    parser.add_argument("--budget", action="append", metavar="B", help="default: 1/2, 1/4 and 1/8")
    parser.add_argument("--search", action="append", choices=SEARCHES, help="default: all")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="TABLE.md")
    args = parser.parse_args(argv)
    rows: list[Row] = []
    try:
        for model in args.models:
            for row in rows_of(
                model, args.search or list(SEARCHES), args.budget or ["1/2", "1/4", "1/8"], args.data, args.hr
            ):
                rows.append(row)
                print(" ".join(_cells(row)), file=sys.stderr, flush=True)
                args.output.write_text(as_markdown(rows, args.hr))
    except SlscError as error:
        print(f"search_table: error: {error}", file=sys.stderr)
        return error.exit_code
    print(args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
