"""Decoding the photo to come while another is being restored."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from slsc.errors import DataError
from slsc.runtime.image.photo import Photo, decoding_bytes, load_photo


class ReadAhead:
    """At most one photo that is decoded ahead, in a thread of its own."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._ahead: tuple[Path, Future[Photo]] | None = None

    def begin(self, path: Path, room: int) -> None:
        """Begin to decode a photo, if that takes no more than `room` bytes. What is wrong with it is told by `take`."""
        try:
            if decoding_bytes(path) > room:
                return
        except DataError:
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, "slsc-read-ahead")
        self._ahead = path, self._pool.submit(load_photo, path, most=room)

    def take(self, path: Path) -> Photo | None:
        """The photo, if it was begun; else None, and none is held any more.

        Raises:
            DataError: as `load_photo`.
        """
        if self._ahead is None:
            return None
        (begun, decoding), self._ahead = self._ahead, None
        try:
            photo = decoding.result()
        except MemoryError:
            return None
        except DataError:
            if begun == path:
                raise
            return None
        return photo if begun == path else None

    def close(self) -> None:
        """Wait for what is being decoded, and let it go."""
        self._ahead = None
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
