"""IMDN: Hui et al., Lightweight Image Super-Resolution with Information Multi-distillation Network, ACM MM 2019."""

from __future__ import annotations

import torch
from torch import Tensor, nn

NEGATIVE_SLOPE = 0.05
FEATURES, DISTILLED, BLOCKS = 64, 16, 6


class ContrastAttention(nn.Module):
    """Contrast-aware channel attention: scales channels by what their mean and standard deviation say.

    Args:
        channels: of input and output.
        reduction: divisor of the hidden channels.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.conv_du = nn.Sequential(
            nn.Conv2d(channels, channels // reduction, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels // reduction, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels, H, W) to the same shape."""
        mean = self.avg_pool(x)
        centred = x - mean
        deviation = (centred * centred).mean((2, 3), keepdim=True).sqrt()
        scales: Tensor = self.conv_du(deviation + mean)
        return x * scales


class Imdb(nn.Module):
    """Information multi-distillation block: after each convolution 16 channels are kept and 48 refined further."""

    def __init__(self) -> None:
        super().__init__()
        remaining = FEATURES - DISTILLED
        self.c1 = nn.Conv2d(FEATURES, FEATURES, 3, padding=1)
        self.c2 = nn.Conv2d(remaining, FEATURES, 3, padding=1)
        self.c3 = nn.Conv2d(remaining, FEATURES, 3, padding=1)
        self.c4 = nn.Conv2d(remaining, DISTILLED, 3, padding=1)
        self.act = nn.LeakyReLU(NEGATIVE_SLOPE, inplace=True)
        self.c5 = nn.Conv2d(4 * DISTILLED, FEATURES, 1)
        self.cca = ContrastAttention(4 * DISTILLED)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 64, H, W) to the same shape."""
        parts, rest = [], x
        for conv in (self.c1, self.c2, self.c3):
            kept, rest = torch.split(self.act(conv(rest)), [DISTILLED, FEATURES - DISTILLED], dim=1)
            parts.append(kept)
        parts.append(self.c4(rest))
        fused: Tensor = self.c5(self.cca(torch.cat(parts, dim=1)))
        return fused + x


class Imdn(nn.Module):
    """IMDN. Input and output RGB 0..1, NCHW; key names of Zheng222/IMDN.

    Args:
        scale: enlargement.
    """

    def __init__(self, scale: int = 4) -> None:
        super().__init__()
        self.fea_conv = nn.Conv2d(3, FEATURES, 3, padding=1)
        for index in range(1, BLOCKS + 1):
            self.add_module(f"IMDB{index}", Imdb())
        self.c = nn.Sequential(nn.Conv2d(BLOCKS * FEATURES, FEATURES, 1), nn.LeakyReLU(NEGATIVE_SLOPE, inplace=True))
        self.LR_conv = nn.Conv2d(FEATURES, FEATURES, 3, padding=1)
        self.upsampler = nn.Sequential(nn.Conv2d(FEATURES, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))

    def forward(self, x: Tensor) -> Tensor:
        """Map RGB (B, 3, H, W) to (B, 3, scale*H, scale*W)."""
        shallow = features = self.fea_conv(x)
        outputs = []
        for index in range(1, BLOCKS + 1):
            features = self.get_submodule(f"IMDB{index}")(features)
            outputs.append(features)
        deep = self.LR_conv(self.c(torch.cat(outputs, dim=1))) + shallow
        restored: Tensor = self.upsampler(deep)
        return restored
