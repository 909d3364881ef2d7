"""Calibration and finetuning inputs: patches of photos as the network sees them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from slsc.data.images import mirrored
from slsc.data.patches import Pair, PatchSampler
from slsc.errors import DataError
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.image.pixels import to_batch, wanted_batch

SMALLEST_PATCH = 16
"""Below this many pixels a side, a patch is all border."""


class PatchSource:
    """Draws patches in the network's own value range, colour order and layout.

    Args:
        pairs: (input, wanted output) images, HxWx3 uint8 RGB, the output `io.scale` times larger; continued by
            mirroring where they are smaller than the one size a network takes.
        io: how pixels enter and leave the network.

    Raises:
        DataError: an image is too small for any patch the network takes.
    """

    def __init__(self, pairs: Sequence[Pair], io: ImageIO) -> None:
        if io.fixed_hw:
            pairs = [_room_for(pair, io.fixed_hw, io.scale) for pair in pairs]
        self._pairs, self._io = pairs, io
        self._smallest = min(min(image.shape[:2]) for image, _ in pairs)
        self.side(SMALLEST_PATCH)

    def side(self, wanted: int) -> int:
        """The patch side nearest to `wanted` that images and network allow.

        Raises:
            DataError: there is none.
        """
        io = self._io
        if io.fixed_hw:
            side = max(io.fixed_hw)
        else:
            step = int(np.lcm(*io.multiple_of))
            side = max(min(wanted, self._smallest) // step * step, -(-SMALLEST_PATCH // step) * step)
        if side > self._smallest:
            raise DataError(
                "the photos are too small to calibrate on",
                why=f"the smallest side is {self._smallest * io.scale} pixels, the network needs {side * io.scale}",
                hint="remove the small images from the folder",
            )
        return side

    def draw(self, count: int, side: int, seed: Sequence[int]) -> tuple[Tensor, Tensor]:
        """`count` patches and what the network should make of them; the same `seed` gives the same patches.

        Returns:
            (count, C, side, side) inputs and (count, C, side * scale, side * scale) outputs, in the network's ranges;
            of the network's own size where that is fixed.
        """
        return self._drawn(side, [(*seed, index) for index in range(count)])

    def batches(self, side: int, seed: Sequence[int]) -> Callable[[int, int, int], tuple[Tensor, Tensor]]:
        """Patches by step, first sample and count, as `slsc.trainer.loop.Batches`: every sample has its own seed."""

        def batch(step: int, first: int, count: int) -> tuple[Tensor, Tensor]:
            return self._drawn(side, [(*seed, step, index) for index in range(first, first + count)])

        return batch

    def _drawn(self, side: int, seeds: Sequence[tuple[int, ...]]) -> tuple[Tensor, Tensor]:
        io = self._io
        sampler = PatchSampler(self._pairs, io.scale, side)
        height, width = io.fixed_hw or (side, side)
        inputs, outputs = [], []
        for seed in seeds:
            low, high = sampler.draw(seed)
            inputs.append(to_batch(low[:height, :width], io))
            outputs.append(wanted_batch(high[: height * io.scale, : width * io.scale], io))
        return torch.from_numpy(np.concatenate(inputs)), torch.from_numpy(np.concatenate(outputs))


def _room_for(pair: Pair, hw: tuple[int, int], scale: int) -> Pair:
    """A pair of which patches of `hw` can be cut, turned as well."""
    side = max(hw)
    low, high = pair
    return mirrored(low, (side, side)), mirrored(high, (side * scale, side * scale))
