"""Train the corpus' networks, each for some seconds, and write their weights, and the files that are kept.

    PYTHONPATH=tests python -m corpus.training [NAME ...]

The weights are committed, at half precision; this is how they came about. Seeded: the same machine makes the same ones.
"""

from __future__ import annotations

import math
import sys
import time

import numpy as np
import onnx
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from corpus.bases import BASES, WEIGHTS, Base, halved
from corpus.beginning import begin_enlarging, begin_quiet
from corpus.exports import EXPORTS
from corpus.making import KEPT
from corpus.tasks import TASKS, Pixels, Task, grey, training_photos

PATCH, BATCH = 32, 8
"""Side of the input's patches, and how many a step sees."""

SUBTLE = ("blur", "jpeg")
"""Tasks with little to gain on most pixels: trained from about the image itself, on squares of the error."""

TIMES = 4
"""How often each photo is spoilt, each time a little differently."""

Pair = tuple[Tensor, Tensor]


def train(base: Base) -> nn.Module:
    """The base, trained; in evaluation mode."""
    torch.manual_seed(0)
    module, task = base.build(), TASKS[base.task]
    if task.scale > 1:
        begin_enlarging(module, task.scale)
    elif base.task in SUBTLE:
        begin_quiet(module)
    pairs = _pairs(task, min(base.channels, 3))
    optimizer = torch.optim.Adam(module.parameters(), base.rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, step / 20) * 0.5 * (1 + math.cos(math.pi * step / base.steps))
    )
    random = np.random.default_rng(0)
    for _ in range(base.steps):
        given, truth = _batch(pairs, task.scale, random)
        loss = _loss(module, given, truth, base)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(module.parameters(), 0.5)
        optimizer.step()
        schedule.step()
    return module.eval()


def _pairs(task: Task, channels: int) -> list[Pair]:
    """Whole photos as the network sees them, CxHxW of 0..1."""
    pairs = []
    for seed, photo in enumerate(training_photos() * TIMES):
        height, width = (side - side % 12 for side in photo.shape[:2])
        truth = photo[:height, :width]
        if channels == 1:
            truth = grey(truth)
        pairs.append((_tensor(task.given(truth, seed), channels), _tensor(truth, channels)))
    return pairs


def _tensor(pixels: Pixels, channels: int) -> Tensor:
    return torch.from_numpy(pixels[:, :, :channels].transpose(2, 0, 1).astype(np.float32) / 255)


def _batch(pairs: list[Pair], scale: int, random: np.random.Generator) -> Pair:
    """Patches at random places, half of them mirrored."""
    patches = []
    for _ in range(BATCH):
        given, truth = pairs[random.integers(len(pairs))]
        top, left = (int(random.integers(side - PATCH + 1)) for side in given.shape[1:])
        cut = given[:, top : top + PATCH, left : left + PATCH]
        wanted = truth[:, scale * top : scale * (top + PATCH), scale * left : scale * (left + PATCH)]
        patches.append((cut.flip(2), wanted.flip(2)) if random.integers(2) else (cut, wanted))
    given, truth = zip(*patches, strict=True)
    return torch.stack(given), torch.stack(truth)


def _loss(module: nn.Module, given: Tensor, truth: Tensor, base: Base) -> Tensor:
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
