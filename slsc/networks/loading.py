"""From a file to the graph that the front end works on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slsc.passes.importing.binding import NOTHING_BOUND, Binding
from slsc.passes.importing.import_model import Imported, import_model
from slsc.passes.importing.load import load_model
from slsc.printable import printable

MAX_TEXT = 1000
"""Characters of a note: names of nodes can be of any length."""


def import_network(path: Path, binding: Binding = NOTHING_BOUND) -> Imported:
    """Read a network and clean it; the report holds what each pass did.

    Args:
        path: the ONNX file.
        binding: what its inputs beside the image hold, and which output is wanted.

    Raises:
        ModelError: the file cannot be read, or holds what slsc does not take.
        UsageError: the binding does not fit.
        VerificationError: a pass changed what the network computes.
    """
    return import_model(load_model(path, binding))


def import_notes(report: Mapping[str, Any]) -> tuple[str, ...]:
    """What of an import's report a user should know: how the network's own conventions were met."""
    return tuple(printable(step["note"])[:MAX_TEXT] for step in report.values() if "note" in step)
