"""Where a verb's words go: reports to stdout, notes and progress to stderr, and under `--json` one object to stdout.

Names that files hold reach the terminal only through here and through errors, with what a terminal would obey escaped.
"""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slsc.printable import printable

if TYPE_CHECKING:
    from tqdm import tqdm

LAYOUT = "\n\t"
"""What reports and notes are laid out with; inside a table's cell it is escaped like the rest."""


class Console:
    """The output of one run of one verb.

    Args:
        verb: name of the verb, kept in the JSON object.
        quiet: no reports, notes or progress bars; the artefact's path still comes.
        verbose: also `detail` lines, and tracebacks of faults.
        as_json: nothing on stdout but one JSON object, printed by `close`.
    """

    def __init__(self, verb: str, *, quiet: bool = False, verbose: bool = False, as_json: bool = False) -> None:
        self.verb, self.quiet, self.verbose, self.as_json = verb, quiet, verbose, as_json
        self._fields: dict[str, Any] = {}
        self._artefacts: list[str] = []
        self._warnings: list[str] = []

    def report(self, text: str) -> None:
        """Print what the user asked for on stdout."""
        if not (self.quiet or self.as_json):
            print(printable(text, LAYOUT))

    def note(self, text: str) -> None:
        """Print a remark about the work on stderr."""
        if not self.quiet:
            print(printable(text, LAYOUT), file=sys.stderr)

    def warning(self, text: str) -> None:
        """Print a doubt about the work on stderr; the JSON object holds it under `warnings`."""
        self._warnings.append(text)
        self.note(f"slsc: warning: {text}")

    def detail(self, text: str) -> None:
        """Print a remark that only `-v` shows on stderr."""
        if self.verbose:
            print(printable(text, LAYOUT), file=sys.stderr)

    def artefact(self, path: Path) -> None:
        """Name a file the verb wrote: the last lines on stdout, and `artefacts` in the JSON object."""
        self._artefacts.append(str(path))

    def result(self, **fields: Any) -> None:
        """Add fields to the JSON object; they must be JSON-ready, but for numbers that are not finite."""
        self._fields.update(fields)

    def progress(self, total: int | None, label: str, unit: str = "it") -> tqdm[Any]:
        """A progress bar on stderr, shown only on a terminal; use it as a context manager."""
        from tqdm import tqdm  # it asks the packages' metadata for its version, which takes as long as numpy's import

        return tqdm(
            total=total,
            desc=printable(label),
            unit=unit,
            file=sys.stderr,
            disable=self._without_bars,
            leave=False,
            dynamic_ncols=True,
        )

    @property
    def _without_bars(self) -> bool:
        return self.quiet or not sys.stderr.isatty()

    @contextlib.contextmanager
    def stages(self) -> Iterator[Callable[[str, int, int], None]]:
        """A callback `progress(stage, done, total)` for library code, shown as one bar after another.

        Where there is no terminal, `-v` tells when a stage begins.
        """
        bar: tqdm[Any] | None = None
        current = ""

        def show(stage: str, done: int, total: int) -> None:
            nonlocal bar, current
            if self._without_bars:
                if stage != current:
                    self.detail(stage)
                current = stage
                return
            if bar is None or stage != current or done < bar.n:
                if bar is not None:
                    bar.close()
                bar, current = self.progress(total, stage), stage
            bar.update(done - bar.n)

        try:
            yield show
        finally:
            if bar is not None:
                bar.close()

    def close(self, exit_code: int, error: dict[str, Any] | None = None) -> None:
        """Print the JSON object, or the artefacts' paths."""
        if self.as_json:
            outcome: dict[str, Any] = {"command": self.verb, "exit_code": exit_code, **self._fields}
            if self._warnings:
                outcome["warnings"] = self._warnings
            if self._artefacts:
                outcome["artefacts"] = self._artefacts
            if error is not None:
                outcome["error"] = error
            print(json.dumps(_json_ready(outcome), allow_nan=False))
        elif error is None:
            for path in self._artefacts:
                print(printable(path))
        sys.stdout.flush()


def _json_ready(value: Any) -> Any:
    """The value with null for what JSON has no number for, such as the decibels between equal images."""
    if isinstance(value, dict):
        return {key: _json_ready(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_ready(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def table(header: Sequence[str], rows: Sequence[Sequence[object]], align: str) -> str:
    """A plain text table, each cell safe to print.

    Args:
        header: one title a column.
        rows: cells, shown with `str`; every row as long as the header.
        align: a letter a column, `<` left or `>` right.
    """
    cells = [list(header), *([printable(str(cell)) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(header))]
    cells.insert(1, ["-" * width for width in widths])
    lines = (
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(line, align, widths, strict=True))
        for line in cells
    )
    return "\n".join(line.rstrip() for line in lines)
