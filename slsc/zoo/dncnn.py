"""DnCNN for grey Gaussian noise: Zhang et al., Beyond a Gaussian Denoiser, IEEE TIP 26(7), 2017."""

from __future__ import annotations

from torch import Tensor, nn


class DnCnn(nn.Module):
    """DnCNN with batch normalisation folded away. Input and output grey 0..1, NCHW; key names of cszn/KAIR.

    Args:
        depth: convolutions.
        features: hidden channels.
    """

    channels = 1

    def __init__(self, depth: int = 17, features: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(1, features, 3, padding=1), nn.ReLU()]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(features, features, 3, padding=1), nn.ReLU()]
        self.model = nn.Sequential(*layers, nn.Conv2d(features, 1, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """Map grey (B, 1, H, W) to the same shape: the input minus the noise found in it."""
        return x - self.model(x)
