"""PSNR of a torch network on held-out images, while it trains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from slsc.data.patches import Pair
from slsc.metrics.protocol import protocol_for
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.image.photo import Photo
from slsc.runtime.image.pixels import compose, to_batch


class Validation:
    """Mean PSNR in dB over held-out images, by the protocol of the network's task. Leaves the network in train mode.

    Args:
        pairs: (input, wanted output), HxWx3 uint8 RGB.
        io: how pixels enter and leave the network; inputs are cut to sizes it takes.
    """

    def __init__(self, pairs: Sequence[Pair], io: ImageIO) -> None:
        self._io, self._protocol = io, protocol_for(io)
        self._pairs = [self._fitted(*pair) for pair in pairs]

    def __call__(self, network: nn.Module) -> float:
        """The score of a network as it is now."""
        network.eval()
        device = next(network.parameters()).device
        scores = []
        for low, wanted in self._pairs:
            with torch.inference_mode():
                restored = network(torch.from_numpy(to_batch(low, self._io)).to(device))[0].float().cpu().numpy()
            rows, columns = wanted.shape[:2]
            found = compose(restored, Photo(low, None), self._io, (0, rows), (0, columns))
            scores.append(self._protocol.psnr(found, wanted))
        network.train()
        return float(np.mean(scores))

    def _fitted(self, low: np.ndarray, wanted: np.ndarray) -> Pair:
        io = self._io
        sides = (extent // step * step for extent, step in zip(low.shape[:2], io.multiple_of, strict=True))
        height, width = io.fixed_hw or tuple(sides)
        return low[:height, :width], wanted[: height * io.scale, : width * io.scale]
