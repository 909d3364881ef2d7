"""From a file to the graph that the front end works on."""

from __future__ import annotations

from pathlib import Path

from slsc.passes.importing.import_model import Imported, import_model
from slsc.passes.importing.load import load_model


def import_network(path: Path) -> Imported:
    """Read a network and clean it; the report holds what each pass did.

    Raises:
        ModelError: the file cannot be read, or holds what slsc does not take.
        VerificationError: a pass changed what the network computes.
    """
    return import_model(load_model(path))
