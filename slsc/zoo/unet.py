"""The residual UNet for deblurring of the SLS paper (CVPR 2022).

The paper gives no drawing of it. Widths, kernels and blocks are the ones under which its cost tables come out to the
last digit; they follow Reblur (Lee et al., Clean Images are Hard to Reblur, ICLR 2022). The tables leave open where
the skips go: their channel counts only allow additions, here one a level, and the input is added at the end.
"""

from __future__ import annotations

from torch import Tensor, nn

from slsc.zoo.residual import res_blocks

BLOCKS = 8


class ResidualUnet(nn.Module):
    """UNet of two strided levels. Input and output RGB 0..1, NCHW, of one size; H and W multiples of 4.

    Args:
        features: channels at full size; twice as many at half size, three times as many at a quarter.
    """

    def __init__(self, features: int = 64) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, features, 3, padding=1)
        self.down1 = nn.Conv2d(features, 2 * features, 3, stride=2, padding=1)
        self.down2 = nn.Conv2d(2 * features, 3 * features, 3, stride=2, padding=1)
        self.body = res_blocks(BLOCKS, 3 * features)
        self.up2 = nn.Sequential(nn.Conv2d(3 * features, 8 * features, 3, padding=1), nn.PixelShuffle(2))
        self.up1 = nn.Sequential(nn.Conv2d(2 * features, 4 * features, 3, padding=1), nn.PixelShuffle(2))
        self.tail = nn.Conv2d(features, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map RGB (B, 3, H, W) to the same shape."""
        full = self.head(x)
        half = self.down1(full)
        deep = self.up2(self.body(self.down2(half))) + half
        residual: Tensor = self.tail(self.up1(deep) + full)
        return x + residual
