"""The project's own compact super-resolution network: residual 3x3 convolutions, pixel shuffle, nearest skip."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

NEGATIVE_SLOPE = 0.1


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a leaky ReLU between them, added to their input."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.act = nn.LeakyReLU(NEGATIVE_SLOPE, inplace=True)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, features, H, W) to the same shape."""
        return x + self.conv2(self.act(self.conv1(x)))


class Compact(nn.Module):
    """Compact SR network. Input RGB 0..1, NCHW; output `scale` times larger, same range, not clamped.

    Every hidden convolution has a multiple of 32 input channels, so all N:M groups at M = 32 are full. The network
    learns only what a nearest-neighbour enlargement lacks.

    Args:
        scale: enlargement, at least 1.
        features: hidden channels.
        blocks: residual blocks.
    """

    def __init__(self, scale: int = 4, features: int = 64, blocks: int = 3) -> None:
        super().__init__()
        self.scale = scale
        self.head = nn.Conv2d(3, features, 3, padding=1)
        self.body = nn.Sequential(*(ResidualBlock(features) for _ in range(blocks)))
        self.fuse = nn.Conv2d(features, features, 3, padding=1)
        self.act = nn.LeakyReLU(NEGATIVE_SLOPE, inplace=True)
        self.tail = nn.Conv2d(features, 3 * scale * scale, 3, padding=1)
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, x: Tensor) -> Tensor:
        """Map RGB (B, 3, H, W) to (B, 3, scale*H, scale*W)."""
        shallow: Tensor = self.act(self.head(x))
        deep: Tensor = self.act(self.fuse(self.body(shallow))) + shallow
        detail: Tensor = self.shuffle(self.tail(deep))
        return detail + F.interpolate(x, scale_factor=float(self.scale), mode="nearest")
