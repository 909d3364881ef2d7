"""A whole training run: from a folder of images to the network as ONNX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from slsc.data.images import list_images
from slsc.data.patches import Pair, PatchSampler, load_pairs
from slsc.errors import UsageError
from slsc.train.log import CsvWriter, RunLog
from slsc.train.loop import fit
from slsc.train.progress import Progress
from slsc.train.recipe import DenseRecipe
from slsc.train.settings import TrainSettings
from slsc.train.validation import mean_psnr_y
from slsc.zoo import zoo_model
from slsc.zoo.export import export_onnx
from slsc.zoo.weights import save_weights

Bars = Callable[[int | None, str, str], "tqdm[Any]"]
"""Makes a progress bar from total, label and unit."""


@dataclass(frozen=True)
class TrainJob:
    """What to train, on what, into which files.

    Attributes:
        arch: network of the zoo.
        data: folder of high-resolution images.
        val: folder of images whose PSNR-Y the log follows, or None.
        patch: side of the LR patches in pixels.
        settings: of the optimization; its `value_range` is the network's, its seed also that of the initial weights.
        output: the ONNX file. Beside it come the weights (.safetensors), the log (.csv) and, until the run is over,
            the checkpoint (.ckpt).
    """

    arch: str
    data: Path
    val: Path | None
    patch: int
    settings: TrainSettings
    output: Path

    @property
    def weights(self) -> Path:
        """Where the trained weights go."""
        return self.output.with_suffix(".safetensors")

    @property
    def log(self) -> Path:
        """Where the CSV log goes."""
        return self.output.with_suffix(".csv")

    @property
    def checkpoint(self) -> Path:
        """Where the state of the unfinished run is kept."""
        return self.output.with_suffix(".ckpt")


def run_job(job: TrainJob, *, resume: bool, bars: Bars) -> Progress:
    """Train and write weights and ONNX file; the checkpoint is removed at the end.

    Raises:
        UsageError: an unfinished run left a checkpoint and `resume` is not set; unknown network.
        DataError: no image in a folder, an unreadable or too small one, an unusable checkpoint.
        VerificationError: training diverged.
    """
    if job.checkpoint.exists() and not resume:
        raise UsageError(
            "an unfinished run left a checkpoint", where=str(job.checkpoint), hint="--resume continues it; or delete it"
        )
    entry = zoo_model(job.arch)
    sampler = PatchSampler(_load(job.data, entry.scale, job.patch, bars), entry.scale, job.patch)
    held_out = _load(job.val, entry.scale, 1, bars) if job.val else []
    torch.manual_seed(job.settings.seed)
    recipe = DenseRecipe(entry.build())
    validate = (lambda model: mean_psnr_y(model, held_out, entry.white)) if held_out else None
    with RunLog(bars(None, "training", ""), [CsvWriter(job.log)]) as log:
        done = fit(
            recipe,
            lambda step, first, count: _batch(sampler, entry.white, (job.settings.seed, step), first, count),
            job.settings,
            checkpoint=job.checkpoint,
            log=log,
            validate=validate,
            resume=resume,
        )
    save_weights(recipe.module, job.weights)
    export_onnx(recipe.module, job.output)
    job.checkpoint.unlink(missing_ok=True)
    return done


def _batch(sampler: PatchSampler, white: float, seed: tuple[int, int], first: int, count: int) -> tuple[Tensor, Tensor]:
    drawn = [sampler.batch(1, (*seed, index)) for index in range(first, first + count)]
    inputs, targets = (np.concatenate(part) * white for part in zip(*drawn, strict=True))
    return torch.from_numpy(inputs), torch.from_numpy(targets)


def _load(folder: Path, scale: int, patch: int, bars: Bars) -> list[Pair]:
    paths = list_images(folder)
    with bars(len(paths), f"reading {folder.name}", "image") as bar:
        return load_pairs(paths, scale, patch, bar.update)
