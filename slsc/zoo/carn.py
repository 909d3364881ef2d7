"""CARN and CARN-M for super-resolution.

Ahn et al., Fast, Accurate, and Lightweight Super-Resolution with Cascading Residual Network, ECCV 2018.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from slsc.zoo.mean_shift import mean_shift

FEATURES = 64


class MeanShift(nn.Module):
    """Mean colour shift under CARN's key name `shifter`."""

    def __init__(self, sign: int) -> None:
        super().__init__()
        self.shifter = mean_shift(sign, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map RGB (B, 3, H, W) to the same shape."""
        shifted: Tensor = self.shifter(x)
        return shifted


class ResidualBlock(nn.Module):
    """3x3 convolution, ReLU, 3x3 convolution, plus input, ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv3(1), nn.ReLU(inplace=True), _conv3(1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 64, H, W) to the same shape."""
        return F.relu(self.body(x) + x)


class EfficientResidualBlock(nn.Module):
    """CARN-M's residual block: two grouped 3x3 convolutions and a pointwise one."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv3(groups),
            nn.ReLU(inplace=True),
            _conv3(groups),
            nn.ReLU(inplace=True),
            nn.Conv2d(FEATURES, FEATURES, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 64, H, W) to the same shape."""
        return F.relu(self.body(x) + x)


class Fusion(nn.Module):
    """1x1 convolution and ReLU over concatenated features."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(inputs * FEATURES, FEATURES, 1), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs*64, H, W) to (B, 64, H, W)."""
        fused: Tensor = self.body(x)
        return fused


class Cascade(nn.Module):
    """Three stages; each stage's output is concatenated to all before it and fused by a 1x1 convolution.

    Args:
        b1: first stage.
        b2: second stage; None uses `b1` again, with the same weights (CARN-M).
        b3: third stage, likewise.
    """

    def __init__(self, b1: nn.Module, b2: nn.Module | None = None, b3: nn.Module | None = None) -> None:
        super().__init__()
        self.b1, self.b2, self.b3 = b1, b2, b3
        self.c1, self.c2, self.c3 = Fusion(2), Fusion(3), Fusion(4)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 64, H, W) to the same shape."""
        joined = fused = x
        for stage, fusion in ((self.b1, self.c1), (self.b2 or self.b1, self.c2), (self.b3 or self.b1, self.c3)):
            joined = torch.cat([joined, stage(fused)], dim=1)
            fused = fusion(joined)
        return fused


class Upsample(nn.Module):
    """Sub-pixel convolutions under the key names of the multi-scale original: `up2`, `up3` or `up4`."""

    def __init__(self, scale: int, groups: int) -> None:
        super().__init__()
        factors = [3] if scale == 3 else [2] * int(math.log2(scale))
        layers: list[nn.Module] = []
        for factor in factors:
            conv = nn.Conv2d(FEATURES, factor**2 * FEATURES, 3, padding=1, groups=groups)
            layers += [conv, nn.ReLU(inplace=True), nn.PixelShuffle(factor)]
        self._name = f"up{scale}"
        self.add_module(self._name, _Body(layers))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 64, H, W) to (B, 64, scale*H, scale*W)."""
        enlarged: Tensor = self.get_submodule(self._name)(x)
        return enlarged


class Carn(Cascade):
    """CARN for one scale. Input and output RGB 0..1, NCHW; key names of nmhkahn/CARN-pytorch.

    The published checkpoints are multi-scale: drop the `upsample.up*` of the other scales when loading.

    Args:
        scale: 2, 3 or 4.
        mobile: CARN-M: one residual block per cascade, used three times, with grouped convolutions.
        groups: groups of CARN-M's convolutions and of the upsampler.
        shift: subtract the mean colour of DIV2K first and add it last. Cost figures of the literature leave it out.
    """

    def __init__(self, scale: int, *, mobile: bool = False, groups: int = 1, shift: bool = True) -> None:
        if scale not in (2, 3, 4):
            raise ValueError(f"CARN enlarges by 2, 3 or 4, got {scale}")
        super().__init__(*(_cascading_block(mobile, groups) for _ in range(3)))
        self.sub_mean = MeanShift(-1) if shift else nn.Identity()
        self.add_mean = MeanShift(+1) if shift else nn.Identity()
        self.entry = nn.Conv2d(3, FEATURES, 3, padding=1)
        self.upsample = Upsample(scale, groups)
        self.exit = nn.Conv2d(FEATURES, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map RGB (B, 3, H, W) to (B, 3, scale*H, scale*W)."""
        features = super().forward(self.entry(self.sub_mean(x)))
        restored: Tensor = self.add_mean(self.exit(self.upsample(features)))
        return restored


class _Body(nn.Module):
    """Holds layers under the key name `body`."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out


def _conv3(groups: int) -> nn.Conv2d:
    return nn.Conv2d(FEATURES, FEATURES, 3, padding=1, groups=groups)


def _cascading_block(mobile: bool, groups: int) -> Cascade:
    if mobile:
        return Cascade(EfficientResidualBlock(groups))
    return Cascade(ResidualBlock(), ResidualBlock(), ResidualBlock())
