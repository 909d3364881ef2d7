"""PDS: a winner of the efficient super-resolution challenge of NTIRE 2026, SPAN made narrower and shorter."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from slsc.zoo.spab import MergedConv, Spab

FEATURES, BLOCKS, FUSED = 32, 5, 20


class Pds(nn.Module):
    """PDS. Input and output RGB 0..1, NCHW; key names of Amazingren/NTIRE2026_ESR, team 1.

    Args:
        scale: enlargement.
    """

    def __init__(self, scale: int = 4) -> None:
        super().__init__()
        pixels = 3 * scale**2
        self.conv_near = nn.Conv2d(3, pixels, 3, padding=1, groups=3, bias=False)
        for index in range(1, BLOCKS + 1):
            self.add_module(f"block_{index}", Spab(FEATURES, 3 if index == 1 else None))
        self.conv_cat_1 = nn.Conv2d(pixels + 2 * FEATURES, FUSED, 1)
        self.conv_2_1 = MergedConv(FUSED, pixels)
        self.upsampler = nn.PixelShuffle(scale)

    def forward(self, x: Tensor) -> Tensor:
        """Map RGB (B, 3, H, W) to (B, 3, scale*H, scale*W)."""
        outputs, features = [], x
        for index in range(1, BLOCKS + 1):
            features, _ = self.get_submodule(f"block_{index}")(features)
            outputs.append(features)
        fused = self.conv_cat_1(torch.cat([self.conv_near(x), outputs[-1], outputs[0]], dim=1))
        restored: Tensor = self.upsampler(self.conv_2_1(fused))
        return restored
