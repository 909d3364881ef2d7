"""Train the corpus' networks, each for some seconds, and write their weights, and the files that are kept.

    PYTHONPATH=tests python -m corpus.training [NAME ...]

The weights are committed, at half precision; this is how they came about. Seeded: the same machine makes the same ones.
"""

from __future__ import annotations

import sys
import time
from functools import partial

import numpy as np
import onnx
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from corpus.bases import BASES, WEIGHTS, Base, halved
from corpus.beginning import begin_enlarging, begin_quiet
from corpus.exports import EXPORTS
from corpus.fitting import fit, pair
from corpus.making import KEPT
from corpus.tasks import TASKS, grey, training_photos

SUBTLE = ("blur", "jpeg")
"""Tasks with little to gain on most pixels: trained from about the image itself, on squares of the error."""

TIMES = 4
"""How often each photo is spoilt, each time a little differently."""


def train(base: Base) -> nn.Module:
    """The base, trained; in evaluation mode."""
    torch.manual_seed(0)
    module, task = base.build(), TASKS[base.task]
    if task.scale > 1:
        begin_enlarging(module, task.scale)
    elif base.task in SUBTLE:
        begin_quiet(module)
    photos = training_photos() * TIMES
    if base.channels == 1:
        photos = [grey(photo) for photo in photos]
    pairs = [pair(task, photo, seed, min(base.channels, 3)) for seed, photo in enumerate(photos)]
    return fit(module, pairs, partial(_loss, base), np.random.default_rng(0), steps=base.steps, rate=base.rate)


def _loss(base: Base, module: nn.Module, given: Tensor, truth: Tensor) -> Tensor:
    """The error of what a network of this kind puts out: absolute, or squared for subtle tasks."""
    kind = type(module).__name__
    error = F.mse_loss if base.task in SUBTLE else F.l1_loss
    if kind in ("FfdNet", "DrUnet"):  # told the noise's deviation, so every step has another one
        sigma = torch.empty(1, 1, 1, 1).uniform_(5 / 255, 50 / 255)
        given = truth + sigma * torch.randn_like(truth)
        told = (given, sigma) if kind == "FfdNet" else (torch.cat([given, sigma.expand_as(given[:, :1])], 1),)
        return error(module(*told), truth)
    if kind == "Mimo":
        small, restored = module(given)
        return error(restored, truth) + error(small, F.avg_pool2d(truth, 2))
    restored = module(given)[0] if kind == "ZeroDce" else module(given)
    inside = slice(base.border, -base.border or None)
    return error(restored, truth[:, :, inside, inside])


def main(names: list[str]) -> int:
    """Train the bases of these names, all for none."""
    WEIGHTS.mkdir(exist_ok=True)
    for name in names or BASES:
        begun = time.process_time()
        module = train(BASES[name])
        save_file(halved(module), WEIGHTS / f"{name}.safetensors")
        count = sum(parameter.numel() for parameter in module.parameters())
        print(f"{name}: {count:,} parameters, {time.process_time() - begun:.0f} s", file=sys.stderr)
    KEPT.mkdir(exist_ok=True)
    for export in EXPORTS.values():
        if export.kept:
            onnx.save(export.build(), KEPT / export.kept)
    print(WEIGHTS, KEPT, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
