"""Decoded images at hand, however many: in memory up to a bound, beyond it in a file that is mapped."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from slsc.data.patches import Pair
from slsc.errors import ResourceError
from slsc.runtime.atomic import OUT_OF_SPACE

MEMORY = 2 << 30
"""Bytes of decoded images that are kept in memory."""

Source = TypeVar("Source")


def opened(sources: Sequence[Source], open_: Callable[[Source], Pair], done: Callable[[], object]) -> list[Pair]:
    """The pairs that `open_` makes of the sources, in their order, decoded by a thread a core; see `kept`.

    Args:
        sources: what to open.
        open_: called from several threads.
        done: called after each.
    """

    def told() -> Iterable[Pair]:
        for pair in made:
            yield pair
            done()

    with ThreadPoolExecutor() as pool:
        made = pool.map(open_, sources)
        try:
            return kept(told())
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def kept(pairs: Iterable[Pair], memory: int = MEMORY) -> list[Pair]:
    """The same pairs, of which at most `memory` bytes are held; the others lie in a temporary file without a name.

    The 800 images of DIV2K take 7 GB there. Reading a patch touches the pages it lies in, which the system keeps in the
    memory that nothing else needs. The file is gone when the process ends, however it ends.

    Raises:
        ResourceError: no room for the file.
    """
    try:
        return _kept(pairs, memory)
    except OSError as error:
        if error.errno not in OUT_OF_SPACE:
            raise
        raise ResourceError(
            "no room for the decoded images",
            where=tempfile.gettempdir(),
            why=error.strerror,
            hint="set TMPDIR to a folder with more room, or use fewer images",
        ) from error


def _kept(pairs: Iterable[Pair], memory: int) -> list[Pair]:
    held: list[Pair] = []
    spilt: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    with tempfile.TemporaryFile() as file:
        for low, high in pairs:
            memory -= low.nbytes + high.nbytes
            if memory >= 0:
                held.append((low, high))
                continue
            file.write(np.ascontiguousarray(low).data)
            file.write(np.ascontiguousarray(high).data)
            spilt.append((low.shape, high.shape))
        file.flush()
        pixels = np.memmap(file, np.uint8, "r") if spilt else np.empty(0, np.uint8)  # survives the file's closing
    first = 0
    for shapes in spilt:
        images = []
        for shape in shapes:
            size = int(np.prod(shape))
            images.append(np.asarray(pixels[first : first + size]).reshape(shape))
            first += size
        held.append((images[0], images[1]))
    return held
