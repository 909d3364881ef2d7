"""Writing a photo while it is being made."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future, ThreadPoolExecutor

from slsc.runtime.image.photo_writer import WriteRows
from slsc.runtime.image.pixels import Bands


def write_behind(bands: Bands, write: WriteRows) -> None:
    """Write each band while the next is being made: compressing takes one core, and lets the others go on.

    What makes the bands is stopped before an error leaves here: else it would go on holding the network, and whoever
    closes that would wait for ever.
    """
    with contextlib.closing(bands), ThreadPoolExecutor(1) as pool:
        writing: Future[None] | None = None
        for band in bands:
            if writing:
                writing.result()
            writing = pool.submit(write, band)
        if writing:
            writing.result()
