from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))  # this folder is the package `corpus`

SIDE = 256


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of four cuts of scikit-image's photos, which are quicker to compile with than whole ones."""
    from corpus.tasks import training_photos

    folder = tmp_path_factory.mktemp("photos")
    for index, photo in enumerate(training_photos()):
        top, left = (side // 2 - SIDE // 2 for side in photo.shape[:2])
        Image.fromarray(photo[top : top + SIDE, left : left + SIDE]).save(folder / f"{index}.png")
    return folder
