"""EDSR: Lim et al., Enhanced Deep Residual Networks for Single Image Super-Resolution, CVPRW 2017."""

from __future__ import annotations

import math

from torch import Tensor, nn

from slsc.zoo.mean_shift import mean_shift


class ResBlock(nn.Module):
    """Two 3x3 convolutions with a ReLU between them, added to their input; no batch normalisation."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(features, features, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(features, features, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, features, H, W) to the same shape."""
        y: Tensor = self.body(x)
        return y + x


class Edsr(nn.Module):
    """EDSR without residual scaling. Input and output RGB 0..255, NCHW; key names of EDSR-PyTorch.

    The baseline of the paper has 16 blocks of 64 features.

    Args:
        scale: 2, 3, 4 or 8.
        blocks: residual blocks.
        features: hidden channels.
        shift: subtract the mean colour of DIV2K first and add it last. Cost figures of the literature leave it out.
    """

    def __init__(self, scale: int, blocks: int = 16, features: int = 64, *, shift: bool = True) -> None:
        super().__init__()
        self.sub_mean = mean_shift(-1, 255) if shift else nn.Identity()
        self.add_mean = mean_shift(+1, 255) if shift else nn.Identity()
        self.head = nn.Sequential(nn.Conv2d(3, features, 3, padding=1))
        residual = [ResBlock(features) for _ in range(blocks)]
        self.body = nn.Sequential(*residual, nn.Conv2d(features, features, 3, padding=1))
        self.tail = nn.Sequential(upsampler(scale, features), nn.Conv2d(features, 3, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """Map RGB (B, 3, H, W) to (B, 3, scale*H, scale*W)."""
        shallow = self.head(self.sub_mean(x))
        restored: Tensor = self.add_mean(self.tail(self.body(shallow) + shallow))
        return restored


def upsampler(scale: int, features: int) -> nn.Sequential:
    """Sub-pixel convolutions that enlarge by `scale`: a chain of x2, or one x3."""
    if scale not in (2, 3, 4, 8):
        raise ValueError(f"EDSR enlarges by 2, 3, 4 or 8, got {scale}")
    factors = [3] if scale == 3 else [2] * int(math.log2(scale))
    layers: list[nn.Module] = []
    for factor in factors:
        layers += [nn.Conv2d(features, factor**2 * features, 3, padding=1), nn.PixelShuffle(factor)]
    return nn.Sequential(*layers)
