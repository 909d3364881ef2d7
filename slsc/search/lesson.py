"""What a network is trained on once it is pruned or quantized."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import onnx
import torch
import torch.nn.functional as F
from torch import nn

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
    ) -> Lesson:
        """Patches of photos.

        Args:
            dense, labelled: see `Lesson`.
            source: of the patches.
            io: how pixels enter and leave the network.
            training: length, batch and rate.
            seed: of the search, and a number of this lesson's own.

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
        return cls(dense, source.batches(source.side(SIDE), seed), labelled, settings)

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
