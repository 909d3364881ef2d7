"""Checkpoints by themselves: whole, or not there, and why."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from slsc.errors import StorageError
from slsc.trainer.checkpoint import load_checkpoint, save_checkpoint

RUN = {"network": "a"}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "net.ckpt", {"step": 3, "weights": torch.arange(4)}, RUN)
    found = load_checkpoint(tmp_path / "net.ckpt", RUN)
    assert found["step"] == 3 and found["weights"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("most", [0, 1000, 60_000])
def test_a_full_disk_is_named_and_leaves_the_last_one(tmp_path: Path, most: int) -> None:
    resource = pytest.importorskip("resource")
    save_checkpoint(tmp_path / "net.ckpt", {"step": 3}, RUN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
    try:
        with pytest.raises(StorageError, match="no space left"):
            save_checkpoint(tmp_path / "net.ckpt", {"step": 4, "weights": torch.rand(50_000)}, RUN)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir()] == ["net.ckpt"]
    assert load_checkpoint(tmp_path / "net.ckpt", RUN)["step"] == 3
