"""Writing a photo while it is being made."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy.typing as npt

from slsc.runtime.image.photo_writer import WriteRows


def write_behind(bands: Iterator[npt.NDArray[Any]], write: WriteRows) -> None:
    """Write each band while the next is being made: compressing takes one core, and lets the others go on."""
    with ThreadPoolExecutor(1) as pool:
        writing: Future[None] | None = None
        for band in bands:
            if writing:
                writing.result()
            writing = pool.submit(write, band)
        if writing:
            writing.result()
