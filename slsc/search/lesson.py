"""What a network is trained on once it is pruned or quantized."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import onnx
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from slsc.onnx_torch import OnnxModule
from slsc.runtime.bundle.manifest import ImageIO
from slsc.search.inputs import PatchSource
from slsc.trainer.loop import Batches
from slsc.trainer.precision import fastest_precision
from slsc.trainer.settings import TrainSettings

SIDE = 32
"""Of the input patches, where the network leaves a choice."""

MOST_PIXELS = 64 * 64
"""Of a patch with which a step takes the whole batch; of larger ones, of networks of one size, it takes fewer."""

PICTURES_EVERY = 16
"""Of so many samples one is a picture, where there are pictures: enough to keep text, and photos lose little by it."""

JUDGED_BATCHES = 4
"""Batches on which the weights before and after training are compared."""

BEYOND = 1 << 40
"""The first of their step numbers, which training does not come to."""


@dataclass(frozen=True)
class Lesson:
    """Samples, and what is wanted of them.

    Attributes:
        dense: the network that teaches where there is no ground truth.
        batches: makes the batch of each step.
        labelled: whether the samples' own targets are the ground truth, so that there is no teacher.
        settings: how long and how fast to train.
    """

    dense: onnx.ModelProto
    batches: Batches
    labelled: bool
    settings: TrainSettings

    @classmethod
    def of(
        cls,
        dense: onnx.ModelProto,
        source: PatchSource,
        io: ImageIO,
        training: TrainSettings,
        *,
        labelled: bool,
        seed: tuple[int, int],
        pictures: PatchSource | None = None,
    ) -> Lesson:
        """Patches of photos, and of pictures unlike photos.

        Args:
            dense, labelled: see `Lesson`.
            source: of the patches.
            io: how pixels enter and leave the network.
            training: length, batch and rate.
            seed: of the search, and a number of this lesson's own.
            pictures: of which every `PICTURES_EVERY`-th sample is; None for photos alone.

        Raises:
            DataError: the photos are too small.
        """
        batch = training.batch
        if io.fixed_hw:  # a step takes no more pixels than memory is planned for
            batch = max(1, min(batch, batch * MOST_PIXELS // math.prod(io.fixed_hw)))
        settings = replace(
            training,
            batch=batch,
            seed=seed[0],
            value_range=io.output_range.mean_span,
            precision=fastest_precision(),
        )
        side = source.side(SIDE)
        batches = source.batches(side, seed)
        if pictures is not None:
            batches = _alternating(batches, pictures.batches(side, seed), batch)
        return cls(dense, batches, labelled, settings)

    def teacher(self) -> OnnxModule | None:
        """What makes the targets in place of `batches`."""
        return None if self.labelled else OnnxModule(self.dense).eval()

    def loss(self, module: nn.Module) -> float:
        """Mean absolute difference to what is wanted, on samples that are not trained on."""
        teacher, device = self.teacher(), next(module.parameters()).device
        judged = (self.batches(BEYOND + index, 0, self.settings.batch) for index in range(JUDGED_BATCHES))
        with torch.no_grad():
            return sum(
                float(F.l1_loss(module(inputs.to(device)).cpu(), truth if teacher is None else teacher(inputs)))
                for inputs, truth in judged
            )


def _alternating(photos: Batches, pictures: Batches, size: int) -> Batches:
    """Samples of photos, every `PICTURES_EVERY`-th one of pictures; `size` is that of a step's whole batch."""

    def drawn(step: int, first: int, count: int) -> tuple[Tensor, Tensor]:
        samples = [
            (photos if (step * size + index) % PICTURES_EVERY else pictures)(step, index, 1)
            for index in range(first, first + count)
        ]
        inputs, targets = (torch.cat(values) for values in zip(*samples, strict=True))
        return inputs, targets

    return drawn
