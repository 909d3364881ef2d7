"""From a file to the graph that the front end works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from slsc.passes.importing.binding import NOTHING_BOUND, Binding
from slsc.passes.importing.import_model import Imported, import_model
from slsc.passes.importing.load import load_model
from slsc.printable import printable
from slsc.probe import Known
from slsc.runtime.bundle.value_range import ValueRange

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


def known_of(imported: Imported, known: Known) -> Known:
    """What the user says of an interface, and where nothing is said, what the types in the network's file tell."""
    given, put_out = (one and ValueRange.uniform(*one) for one in (imported.input_range, imported.output_range))
    return replace(known, input=known.input or given, output=known.output or put_out)


def import_notes(report: Mapping[str, Any]) -> tuple[str, ...]:
    """What of an import's report a user should know: how the network's own conventions were met."""
    return tuple(printable(step["note"])[:MAX_TEXT] for step in report.values() if "note" in step)
