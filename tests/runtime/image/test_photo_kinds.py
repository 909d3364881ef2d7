"""Every kind of photo file gives the pixels that were put into it, through a session to the pixels written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from slsc.runtime.image.photo import load_photo

HEIGHT, WIDTH = 37, 43


def require_same(found: np.ndarray, wanted: np.ndarray, off: float) -> None:
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
    level = 257 if wanted.dtype == np.uint16 else 1
    assert np.abs(found.astype(int) - wanted).max() <= off * level


def test_pixels(photo_kind: Any, tmp_path: Path) -> None:
    data, pixels, alpha = photo_kind.make(HEIGHT, WIDTH)
    path = tmp_path / f"photo{photo_kind.suffix}"
    path.write_bytes(data)
    photo = load_photo(path)
    require_same(photo.pixels, pixels, photo_kind.off)
    assert (photo.alpha is None) == (alpha is None)
    if alpha is not None:
        require_same(photo.alpha, alpha, photo_kind.off)
    assert photo.pixels.flags.c_contiguous
