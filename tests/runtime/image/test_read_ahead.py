from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from slsc.errors import DataError
from slsc.runtime.image.photo import decoding_bytes
from slsc.runtime.image.read_ahead import ReadAhead


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)).save(path)
    return path


def test_a_photo_is_decoded_where_there_is_room_for_it(photo: Path) -> None:
    ahead = ReadAhead()
    ahead.begin(photo, decoding_bytes(photo))
    found = ahead.take(photo)
    assert found is not None and np.array_equal(found.pixels, np.asarray(Image.open(photo)))
    assert ahead.take(photo) is None
    ahead.begin(photo, decoding_bytes(photo) - 1)
    assert ahead.take(photo) is None
    ahead.close()


def test_another_photo_than_the_one_begun_is_not_given(photo: Path, tmp_path: Path) -> None:
    ahead = ReadAhead()
    ahead.begin(photo, 1 << 30)
    assert ahead.take(tmp_path / "other.png") is None
    ahead.close()


def test_what_is_wrong_is_told_when_the_photo_is_taken(photo: Path) -> None:
    photo.write_bytes(photo.read_bytes()[:600])
    ahead = ReadAhead()
    ahead.begin(photo, 1 << 30)
    with pytest.raises(DataError, match=r"photo\.png"):
        ahead.take(photo)
    ahead.begin(photo.with_name("missing.png"), 1 << 30)
    assert ahead.take(photo) is None
    ahead.close()
