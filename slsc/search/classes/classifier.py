"""The classifier in training: the runtime's features of a region and their products, weighted, into logits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from slsc.runtime.adaptive.estimator import Quadratic, terms
from slsc.runtime.adaptive.features import features
from slsc.runtime.adaptive.regions import SIZE, Regions
from slsc.runtime.bundle.estimators import FEATURES, TERMS
from slsc.runtime.bundle.manifest import ImageIO


class RegionClassifier(nn.Module):
    """Tells the class of every region of a network's input.

    Args:
        classes: how many there are.
        io: how pixels enter the network.
    """

    count: Tensor
    mean: Tensor
    square: Tensor

    def __init__(self, classes: int, io: ImageIO) -> None:
        super().__init__()
        self._io = io
        self.weights = nn.Parameter(torch.zeros(TERMS, classes))
        for name, shape in (("count", ()), ("mean", (FEATURES,)), ("square", (FEATURES,))):
            self.register_buffer(name, torch.zeros(shape))

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the regions of `x`, (B, C, H, W) in the network's range: (B * rows * columns, classes)."""
        found = np.concatenate([self._measured(image) for image in x.detach().float().cpu().numpy()])
        if self.training:
            self._take_in(torch.from_numpy(found).to(self.mean.device))
        rows = terms(found, *self._statistics()).astype(np.float32)
        return torch.from_numpy(rows).to(self.weights.device) @ self.weights

    def quadratic(self) -> Quadratic:
        """It as the runtime knows it."""
        mean, deviation = (each.astype(np.float32) for each in self._statistics())
        return Quadratic(mean, deviation, self.weights.detach().float().cpu().numpy())

    def _measured(self, image: np.ndarray) -> np.ndarray:
        """(regions, FEATURES) of a (C, H, W) image."""
        pixels = self._io.input_range.to_unit(image).astype(np.float32).transpose(1, 2, 0)
        if self._io.order == "BGR":
            pixels = pixels[:, :, ::-1]
        pixels = np.ascontiguousarray(pixels)
        return features(pixels, Regions.of(pixels, SIZE)).reshape(FEATURES, -1).T

    def _take_in(self, values: Tensor) -> None:
        """Bring (regions, FEATURES) into the mean of all that were seen in training."""
        self.count += len(values)
        part = len(values) / self.count
        self.mean += part * (values.mean(0) - self.mean)
        self.square += part * ((values * values).mean(0) - self.square)

    def _statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of each feature."""
        mean = self.mean.cpu().numpy().astype(np.float64)
        variance = self.square.cpu().numpy() - mean**2
        return mean, np.sqrt(np.maximum(variance, 0.0)) + 1e-3


def region_means(values: Tensor, hw: Sequence[int]) -> tuple[Tensor, Tensor]:
    """(B, C, sH, sW) to means over regions, and the share of the regions' pixels that each has.

    Args:
        values: of an output `s` times as large as the input.
        hw: height and width of the input.

    Returns:
        Two of (B * rows * columns,), in the order of `RegionClassifier`; the shares' mean is 1.
    """
    plane, scale = values.mean(1), values.shape[2] // hw[0]
    parts = [column for row in plane.split(SIZE[0] * scale, 1) for column in row.split(SIZE[1] * scale, 2)]
    pixels = torch.tensor([float(part[0].numel()) for part in parts], device=values.device)
    means = torch.stack([part.mean((1, 2)) for part in parts], 1)
    return means.reshape(-1), (pixels / pixels.mean()).repeat(len(values))
