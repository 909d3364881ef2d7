"""The C example restores a photo as the Python runtime does, and says what is wrong."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from PIL import Image

from slsc.passes.lowering.nmp import Coordinates, Op, Resize, ResizeKind, Rounding
from slsc.runtime.backends.native import NativeRunner


@pytest.fixture(scope="session")
def restore(build_native):
    return build_native("plain") / "restore"


def _upscaler(plans, channels: int) -> bytes:
    """Cubic, by 2."""
    resize = Resize(channels, ResizeKind.CUBIC, Coordinates.HALF_PIXEL, 2, 1, Rounding.PREFER_FLOOR, -0.5)
    return plans.plan([channels, channels], [Op(resize)], []).to_bytes()


@pytest.mark.parametrize(("channels", "suffix"), [(3, "ppm"), (1, "pgm")])
def test_photo_is_restored(plans, restore, tmp_path, channels, suffix):
    shape = (37, 50, 3) if channels == 3 else (37, 50)
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    Image.fromarray(pixels).save(tmp_path / f"in.{suffix}")
    plan = _upscaler(plans, channels)
    (tmp_path / "net.nmp").write_bytes(plan)
    command = [restore, tmp_path / "net.nmp", tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}", "-1", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    planes = pixels.reshape(37, 50, channels).transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1
    expected = NativeRunner(plan, 1).run(planes)[0].transpose(1, 2, 0).reshape(74, 100, *shape[2:])
    made = np.asarray(Image.open(tmp_path / f"out.{suffix}"))
    levels = np.clip((expected + 1) * 127.5, 0, 255)
    assert made.shape == levels.shape
    assert np.abs(made - levels).max() < 0.51  # rounded to the nearest level


@pytest.mark.parametrize(
    ("plan", "photo", "message"),
    [
        (b"no plan", b"P5 2 2 255 abcd", "cut short"),
        (None, b"P5 2 2 255 abc", "is cut short"),
        (None, b"JFIF", "is no binary PGM"),
        (None, b"P6 1 1 255 abc", "other channels"),
    ],
)
def test_example_says_what_is_wrong(plans, restore, tmp_path, plan, photo, message):
    (tmp_path / "net.nmp").write_bytes(_upscaler(plans, 1) if plan is None else plan)
    (tmp_path / "in.pgm").write_bytes(photo)
    command = [restore, tmp_path / "net.nmp", tmp_path / "in.pgm", tmp_path / "out.pgm"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert message in done.stderr
    assert not (tmp_path / "out.pgm").exists()
