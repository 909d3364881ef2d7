"""SPAN: Wan et al., Swift Parameter-free Attention Network for Efficient Super-Resolution, CVPR 2024 workshops."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from slsc.zoo.spab import MergedConv, Spab

BLOCKS = 6
RGB_MEAN = (0.4488, 0.4371, 0.4040)
INNER_WHITE = 255.0


class Span(nn.Module):
    """SPAN. Input and output RGB 0..1, NCHW; key names of hongyuanyu/SPAN, its convolutions merged for inference.

    Args:
        scale: enlargement.
        features: channels; the paper's network of 498 thousand parameters has 52.
    """

    def __init__(self, scale: int = 4, features: int = 52) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(RGB_MEAN).reshape(1, 3, 1, 1), persistent=False)
        self.conv_1 = MergedConv(3, features)
        for index in range(1, BLOCKS + 1):
            self.add_module(f"block_{index}", Spab(features))
        self.conv_2 = MergedConv(features, features)
        self.conv_cat = nn.Conv2d(4 * features, features, 1)
        self.upsampler = nn.Sequential(nn.Conv2d(features, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))

    def forward(self, x: Tensor) -> Tensor:
        """Map RGB (B, 3, H, W) to (B, 3, scale*H, scale*W)."""
        shallow = features = self.conv_1((x - self.get_buffer("mean")) * INNER_WHITE)
        outputs, firsts = [], []
        for index in range(1, BLOCKS + 1):
            features, first = self.get_submodule(f"block_{index}")(features)
            outputs.append(features)
            firsts.append(first)
        joined = torch.cat([shallow, self.conv_2(features), outputs[0], firsts[-1]], dim=1)
        restored: Tensor = self.upsampler(self.conv_cat(joined))
        return restored
