"""SRN for deblurring: Tao et al., Scale-recurrent Network for Deep Image Deblurring, CVPR 2018.

The variant of the SLS paper (CVPR 2022): no LSTM, and 3x3 convolutions with pixel shuffle for the transposed ones.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from slsc.zoo.residual import res_blocks

BLOCKS, KERNEL = 3, 5
SHRINKS = (4, 2, 1)
"""The image's size over that of each scale, in the order they are restored."""


class Srn(nn.Module):
    """SRN of three scales that share their weights. Input and output RGB 0..1, NCHW, of one size.

    H and W are multiples of 16: the smallest scale is a quarter, and its features are halved twice more. All resizing
    is bilinear by whole factors, so that the exported graph holds no size.

    Args:
        features: channels at a scale's full size; twice as many at half, four times as many at a quarter.
    """

    def __init__(self, features: int = 32) -> None:
        super().__init__()
        widths = features, 2 * features, 4 * features
        self.encoder1 = _stage(6, widths[0], stride=1)
        self.encoder2 = _stage(widths[0], widths[1], stride=2)
        self.encoder3 = _stage(widths[1], widths[2], stride=2)
        self.decoder3 = nn.Sequential(res_blocks(BLOCKS, widths[2], KERNEL), _upsampler(widths[2]))
        self.decoder2 = nn.Sequential(res_blocks(BLOCKS, widths[1], KERNEL), _upsampler(widths[1]))
        self.decoder1 = nn.Sequential(
            res_blocks(BLOCKS, widths[0], KERNEL), nn.Conv2d(widths[0], 3, KERNEL, padding=KERNEL // 2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map RGB (B, 3, H, W) to the same shape."""
        restored: Tensor | None = None
        for shrink in SHRINKS:
            blurred = x if shrink == 1 else _resized(x, 1 / shrink)
            restored = self._scale(blurred, blurred if restored is None else _resized(restored, 2.0))
        assert restored is not None
        return restored

    def _scale(self, blurred: Tensor, guess: Tensor) -> Tensor:
        """Restore one scale from its blurred image and the enlarged result of the scale before."""
        full = self.encoder1(torch.cat([blurred, guess], dim=1))
        half = self.encoder2(full)
        deep = self.decoder3(self.encoder3(half)) + half
        restored: Tensor = self.decoder1(self.decoder2(deep) + full)
        return restored


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, KERNEL, stride=stride, padding=KERNEL // 2)
    return nn.Sequential(conv, nn.ReLU(), res_blocks(BLOCKS, outputs, KERNEL))


def _upsampler(channels: int) -> nn.Sequential:
    """From `channels` to half as many at twice the size."""
    return nn.Sequential(nn.Conv2d(channels, 2 * channels, 3, padding=1), nn.PixelShuffle(2), nn.ReLU())


def _resized(image: Tensor, factor: float) -> Tensor:
    return F.interpolate(image, scale_factor=factor, mode="bilinear", align_corners=False)
