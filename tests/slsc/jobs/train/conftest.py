"""Photos, networks and requests for training runs of a few steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tqdm import tqdm

from slsc.data.calibration import calibration_photos
from slsc.jobs.train.request import TrainRequest
from slsc.passes.importing.binding import NOTHING_BOUND
from slsc.probe import Form, Known
from slsc.runtime.bundle.value_range import UNIT
from slsc.search.base import Rules
from slsc.search.sls.settings import FAST
from slsc.trainer.schedule import Horizon, Schedule
from slsc.trainer.settings import TrainSettings
from slsc.zoo.compact import Compact
from slsc.zoo.export import export_onnx


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index, photo in enumerate(calibration_photos(None, 2, 0)):
        Image.fromarray(photo[:160, :160]).save(folder / f"{index}.png")
    return folder


@pytest.fixture
def pairs(tmp_path: Path) -> tuple[Path, Path]:
    """Noisy and clean photos of the same names."""
    rng = np.random.default_rng(0)
    folders = tmp_path / "noisy", tmp_path / "clean"
    for folder in folders:
        folder.mkdir()
    for index, photo in enumerate(calibration_photos(None, 2, 0)):
        clean = photo[:64, :64]
        noisy = np.clip(clean + rng.normal(0, 20, clean.shape), 0, 255).astype(np.uint8)
        for folder, image in zip(folders, (noisy, clean), strict=True):
            Image.fromarray(image).save(folder / f"{index}.png")
    return folders


@pytest.fixture(scope="session")
def upscaler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """x2, 16 channels, random weights."""
    path = tmp_path_factory.mktemp("network") / "upscaler.onnx"
    torch.manual_seed(0)
    export_onnx(Compact(2, 16, 1), path)
    return path


@pytest.fixture
def request_for(tmp_path: Path, photos: Path, upscaler: Path) -> Callable[..., TrainRequest]:
    """Makes a request of six steps; keywords replace its fields."""

    def make(name: str = "net", **fields: object) -> TrainRequest:
        settings = TrainSettings(Horizon(steps=6), batch=2, schedule=Schedule(1e-4, warmup=0), log_every=2)
        return TrainRequest(
            **{
                "arch": None,
                "weights": None,
                "model": upscaler,
                "binding": NOTHING_BOUND,
                "interface": Known(input=UNIT, output=UNIT, form=Form.PICTURE),
                "method": "dense",
                "budget": None,
                "within": (),
                "start": "dense",
                "sls": FAST,
                "rules": Rules(8),
                "distill": False,
                "data": photos,
                "pairs": None,
                "motion_blur": False,
                "val": None,
                "val_pairs": None,
                "patch": 16,
                "settings": settings,
                "log": "csv",
                "resume": False,
                "output": tmp_path / f"{name}.onnx",
                **fields,
            }
        )

    return make


@pytest.fixture
def silent() -> Callable[..., tqdm]:
    return lambda total, label, unit: tqdm(total=total, disable=True)
