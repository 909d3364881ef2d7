"""The table of exports: what `slsc` makes of every file of the corpus, of the published ones, and of others.

    PYTHONPATH=tests python -m corpus.table -o exports.md [FOLDER|FILE.onnx ...]

Every file is compiled dense and restores a photo, as `slsc compile` and `slsc run` do. The published networks are taken
from the data pack ($SLSC_DATA, else ../shared/data), and left out, with a word on stderr, where there is none.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import onnx

from corpus.exports import EXPORTS
from corpus.making import Export
from corpus.public import public_networks
from corpus.strangers import judge_stranger
from corpus.trial import Verdict, judge

CHECKOUT = Path(__file__).resolve().parents[2]

HEADER = ("file", "kind", "task", "values", "order", "native", "off", "tiles", "photos", "before", "right", "run")
ALIGN = (":--",) * 6 + ("--:",) * 6

LACKING = "the native engine cannot run it: "
"""What every reason of the column `native` begins with, after the operation."""

Row = tuple[str, ...]


def main(argv: list[str] | None = None) -> int:
    """Judge the files and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("others", nargs="*", type=Path, metavar="FOLDER|FILE.onnx", help="further files, without feeds")
    parser.add_argument("--only", action="append", metavar="NAME", help="these of the corpus and the published ones")
    parser.add_argument("--data", type=Path, metavar="DIR", help="photos to compile with (default: scikit-image's own)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.md")
    args = parser.parse_args(argv)
    known = dict(_known())
    names = args.only or [] if args.only or args.others else list(known)
    lines = [HEADER, ALIGN]
    with tempfile.TemporaryDirectory() as folder:
        trials = _rows({name: known[name] for name in names}, Path(folder), args.data)
        for line in itertools.chain(trials, _others(args.others, Path(folder), args.data)):
            print(*line, sep="  ", file=sys.stderr)
            lines.append(line)
    args.output.write_text("".join(f"| {' | '.join(line)} |\n" for line in lines))
    print(args.output)
    return 0


def _known() -> Iterator[tuple[str, Export]]:
    yield from EXPORTS.items()
    pack = Path(os.environ.get("SLSC_DATA", CHECKOUT.parent / "shared" / "data"))
    if (pack / "weights").is_dir():
        yield from public_networks(pack)
    else:
        print(f"no data pack at {pack} (set SLSC_DATA): the published networks are left out", file=sys.stderr)


def _rows(exports: dict[str, Export], folder: Path, data: Path | None) -> Iterator[Row]:
    for name, export in exports.items():
        path = folder / f"{name}.onnx"
        onnx.save(export.model(), path)
        yield row(name, export.kind, export.task, judge(export, path, folder, data))


def _others(paths: Iterable[Path], folder: Path, data: Path | None) -> Iterator[Row]:
    files = [file for path in paths for file in (sorted(path.glob("*.onnx")) if path.is_dir() else [path])]
    for file in files:
        verdict = judge_stranger(file, folder, data)
        yield row(file.stem, "", verdict.findings.get("task", ("", ""))[0], verdict)


def row(name: str, kind: str, task: str, verdict: Verdict) -> Row:
    """One line of the table."""
    if verdict.refusal:
        return (name, kind, task, _cell(f"refused: {verdict.refusal}"), *("",) * (len(HEADER) - 4))
    values = "; ".join(
        _finding(verdict.findings[question])
        for question in ("range", "output range", "picture")
        if question in verdict.findings and verdict.findings[question][0] != "the output"
    )
    order = _finding(verdict.findings.get("order"))
    tiled = "" if verdict.tiled is None else f"{verdict.tiled}{', said' if verdict.warned else ''}"
    decibels = ("" if one is None else f"{one:.2f}" for one in (verdict.before, verdict.right, verdict.got))
    off = "" if verdict.difference is None else str(verdict.difference)
    native = _cell(verdict.native.replace(LACKING, ""))
    return (name, kind, task, values, order, native, off, tiled, _forms(verdict), *decibels)


def _forms(verdict: Verdict) -> str:
    """The largest difference on the other forms of photos, and which of them are refused."""
    worst = f"{max(verdict.forms.values()):.0f}" if verdict.forms else ""
    return f"{worst} ({', '.join(verdict.refused)} refused)" if verdict.refused else worst


def _finding(found: tuple[str, str] | None) -> str:
    return f"{found[0]} ({found[1]})" if found else ""


def _cell(text: str) -> str:
    """Text that stays within its cell."""
    return re.sub(r"\s+", " ", text).replace("|", "/")


if __name__ == "__main__":
    sys.exit(main())
