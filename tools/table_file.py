"""Tables of experiments as files: CSV, from which an interrupted table goes on, and Markdown."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from slsc.errors import DataError
from slsc.runtime.atomic import staged
from slsc.tools.experiment import Experiment, Row
from slsc.tools.paper import paper_psnr

IDENTITY = ("network", "method", "start", "budget", "work", "variant", "options")
COST = ("share", "gmacs", "params")
PRICE = ("seconds", "peak_mib")


def read_rows(path: Path, references: Sequence[str]) -> list[Row]:
    """The rows of a CSV file; none where there is no file.

    Args:
        path: the file.
        references: names of the folders whose PSNR a row has, in order.

    Raises:
        DataError: the file has other columns, or is malformed.
    """
    if not path.exists():
        return []
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != _columns(references):
            raise DataError(
                "the table was made with other columns",
                where=str(path),
                why=f"it has {', '.join(reader.fieldnames or ())}",
                hint="give the same --hr folders, or another -o",
            )
        try:
            return [_row(cells, references) for cells in reader]
        except (TypeError, ValueError, AttributeError) as error:
            raise DataError("the table is malformed", where=str(path), why=str(error), hint="give another -o") from None


def reference_names(path: Path) -> list[str]:
    """Names of the folders whose PSNR a CSV file holds.

    Raises:
        DataError: there is no such file.
    """
    if not path.is_file():
        raise DataError("no such table", where=str(path), hint="make it with python -m slsc.tools.search_table")
    with path.open(newline="") as file:
        header = next(csv.reader(file), [])
    return [name.removeprefix("psnr_") for name in header if name.startswith("psnr_")]


def write_rows(path: Path, rows: Iterable[Row], references: Sequence[str]) -> None:
    """Write the CSV file, whole or not at all."""
    with staged(path) as (stream, _):
        lines = [_columns(references), *(_values(row) for row in rows)]
        for line in lines:
            stream.write((",".join(map(_quoted, line)) + "\n").encode())


def as_markdown(rows: Sequence[Row], references: Sequence[str]) -> str:
    """The table for readers, with the figures of the paper beside ours where it has the row."""
    papers = {row: paper_psnr(row.experiment) for row in rows}
    cited = [name for name in references if any(name in paper for paper in papers.values())]
    header = ["network", "method", "start", "budget", "work", "kept MACs", "GMACs", "params"]
    header += [*(f"{name} dB" for name in references), *(f"paper {name} dB" for name in cited), "s", "peak MiB"]
    lines = [header, [":--"] * 3 + ["--:"] * (len(header) - 3)]
    for row in rows:
        lines.append([*cells_of(row), *(_cited(papers[row].get(name)) for name in cited), *_price(row)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cells_of(row: Row) -> list[str]:
    """What a row says, without its price."""
    done = row.experiment
    method = f"{done.method} {done.variant}".strip()
    cost = [f"{row.share:.4f}", f"{row.gmacs:.2f}", f"{row.params:,}"]
    return [done.network, method, done.start, done.budget, done.work, *cost, *(f"{value:.2f}" for value in row.psnr)]


def _price(row: Row) -> list[str]:
    return ["", ""] if row.seconds is None or row.peak_mib is None else [f"{row.seconds:.0f}", f"{row.peak_mib:.0f}"]


def _cited(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _columns(references: Sequence[str]) -> tuple[str, ...]:
    return (*IDENTITY, *COST, *(f"psnr_{name}" for name in references), *PRICE)


def _values(row: Row) -> list[str]:
    done = row.experiment
    identity = [done.network, done.method, done.start, done.budget, done.work, done.variant, shlex.join(done.options)]
    price = ["" if value is None else f"{value:.1f}" for value in (row.seconds, row.peak_mib)]
    psnr = [f"{value:.4f}" for value in row.psnr]
    return [*identity, f"{row.share:.6f}", f"{row.gmacs:.4f}", str(row.params), *psnr, *price]


def _row(cells: dict[str, str], references: Sequence[str]) -> Row:
    identity = {name: cells[name] for name in IDENTITY if name != "options"}
    done = Experiment(**identity, options=tuple(shlex.split(cells["options"])))
    psnr = tuple(float(cells[f"psnr_{name}"]) for name in references)
    seconds, peak = (float(cells[name]) if cells[name] else None for name in PRICE)
    return Row(done, float(cells["share"]), float(cells["gmacs"]), int(cells["params"]), psnr, seconds, peak)


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set(',"\n') else cell
