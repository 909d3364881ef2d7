"""Training for seconds, on small patches of whole photos: the one loop of all networks of the corpus."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from corpus.tasks import Pixels, Task

PATCH, BATCH = 32, 8
"""Side of the input's patches, and how many a step sees."""

Pair = tuple[Tensor, Tensor]
Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]


def fit(
    module: nn.Module,
    pairs: Sequence[Pair],
    loss: Loss,
    rng: np.random.Generator,
    *,
    steps: int,
    rate: float,
    mirrored: bool = True,
) -> nn.Module:
    """Train a network, and put it in evaluation mode.

    Args:
        module: from values of 0..1 to the same.
        pairs: of photos, see `pair`.
        loss: of the network on a batch of inputs and of what is wanted.
        rng: draws the patches.
        steps: of training.
        rate: largest learning rate.
        mirrored: half of the patches are; not for what has a direction.
    """
    optimizer = torch.optim.Adam(module.parameters(), rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, step / 20) * 0.5 * (1 + math.cos(math.pi * step / steps))
    )
    for _ in range(steps):
        error = loss(module, *_batch(pairs, rng, mirrored=mirrored))
        optimizer.zero_grad()
        error.backward()
        nn.utils.clip_grad_norm_(module.parameters(), 0.5)
        optimizer.step()
        schedule.step()
    return module.eval()


def pair(task: Task, photo: Pixels, seed: int, channels: int) -> Pair:
    """A whole photo as the network sees it, and as it is: CxHxW of 0..1."""
    height, width = (side - side % 12 for side in photo.shape[:2])
    truth = photo[:height, :width]
    return _tensor(task.given(truth, seed), channels), _tensor(truth, channels)


def _tensor(pixels: Pixels, channels: int) -> Tensor:
    return torch.from_numpy(pixels[:, :, :channels].transpose(2, 0, 1).astype(np.float32) / 255)


def _batch(pairs: Sequence[Pair], rng: np.random.Generator, *, mirrored: bool) -> Pair:
    """Patches at random places."""
    patches = []
    for _ in range(BATCH):
        given, truth = pairs[rng.integers(len(pairs))]
        scale = truth.shape[1] // given.shape[1]
        top, left = (int(rng.integers(side - PATCH + 1)) for side in given.shape[1:])
        cut = given[:, top : top + PATCH, left : left + PATCH]
        wanted = truth[:, scale * top : scale * (top + PATCH), scale * left : scale * (left + PATCH)]
        patches.append((cut.flip(2), wanted.flip(2)) if mirrored and rng.integers(2) else (cut, wanted))
    given, truth = zip(*patches, strict=True)
    return torch.stack(given), torch.stack(truth)
