"""RFDN: Liu et al., Residual Feature Distillation Network for Lightweight Image Super-Resolution, ECCVW 2020 (AIM)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

NEGATIVE_SLOPE = 0.05
BLOCKS = 4


class Esa(nn.Module):
    """Enhanced spatial attention: a mask from strided, pooled and bilinearly enlarged features.

    Args:
        features: channels of the input.
        reduced: channels inside.
    """

    def __init__(self, features: int, reduced: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, reduced, 1)
        self.conv_f = nn.Conv2d(reduced, reduced, 1)
        self.conv_max = nn.Conv2d(reduced, reduced, 3, padding=1)
        self.conv2 = nn.Conv2d(reduced, reduced, 3, stride=2)
        self.conv3 = nn.Conv2d(reduced, reduced, 3, padding=1)
        self.conv3_ = nn.Conv2d(reduced, reduced, 3, padding=1)
        self.conv4 = nn.Conv2d(reduced, features, 1)
        self.sigmoid = nn.Sigmoid()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, features, H, W) to the same shape; H and W at least 15, what stride 2 and the 7x7 pool need."""
        local = self.conv1(x)
        pooled = F.max_pool2d(self.conv2(local), kernel_size=7, stride=3)
        wide = self.conv3_(self.relu(self.conv3(self.relu(self.conv_max(pooled)))))
        wide = F.interpolate(wide, size=(x.shape[2], x.shape[3]), mode="bilinear", align_corners=False)
        mask: Tensor = self.sigmoid(self.conv4(wide + self.conv_f(local)))
        return x * mask


class Rfdb(nn.Module):
    """Residual feature distillation block: three shallow residual convolutions, each distilled by a 1x1 one.

    Args:
        features: channels of input and output.
        distilled: channels of each distilled part.
        esa: channels inside the attention.
    """

    def __init__(self, features: int, distilled: int, esa: int) -> None:
        super().__init__()
        self.c1_d = nn.Conv2d(features, distilled, 1)
        self.c1_r = nn.Conv2d(features, features, 3, padding=1)
        self.c2_d = nn.Conv2d(features, distilled, 1)
        self.c2_r = nn.Conv2d(features, features, 3, padding=1)
        self.c3_d = nn.Conv2d(features, distilled, 1)
        self.c3_r = nn.Conv2d(features, features, 3, padding=1)
        self.c4 = nn.Conv2d(features, distilled, 3, padding=1)
        self.act = nn.LeakyReLU(NEGATIVE_SLOPE, inplace=True)
        self.c5 = nn.Conv2d(4 * distilled, features, 1)
        self.esa = Esa(features, esa)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, features, H, W) to the same shape."""
        parts = []
        for distil, refine in ((self.c1_d, self.c1_r), (self.c2_d, self.c2_r), (self.c3_d, self.c3_r)):
            parts.append(self.act(distil(x)))
            x = self.act(refine(x) + x)
        parts.append(self.act(self.c4(x)))
        attended: Tensor = self.esa(self.c5(torch.cat(parts, dim=1)))
        return attended


class Rfdn(nn.Module):
    """RFDN. Input and output RGB 0..255, NCHW; key names of njulj/RFDN.

    The defaults are the AIM 2020 model. The SLS paper's variant has 64 features, 32 distilled, 32 in the attention.

    Args:
        scale: enlargement.
        features: hidden channels.
        distilled: channels of each distilled part.
        esa: channels inside the attention.
    """

    def __init__(self, scale: int = 4, features: int = 50, distilled: int = 25, esa: int = 12) -> None:
        super().__init__()
        self.fea_conv = nn.Conv2d(3, features, 3, padding=1)
        self.B1, self.B2, self.B3, self.B4 = (Rfdb(features, distilled, esa) for _ in range(BLOCKS))
        self.c = nn.Sequential(nn.Conv2d(BLOCKS * features, features, 1), nn.LeakyReLU(NEGATIVE_SLOPE, inplace=True))
        self.LR_conv = nn.Conv2d(features, features, 3, padding=1)
        self.upsampler = nn.Sequential(nn.Conv2d(features, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))

    def forward(self, x: Tensor) -> Tensor:
        """Map RGB (B, 3, H, W) to (B, 3, scale*H, scale*W); H and W at least 15."""
        shallow = features = self.fea_conv(x)
        outputs = []
        for block in (self.B1, self.B2, self.B3, self.B4):
            features = block(features)
            outputs.append(features)
        deep = self.LR_conv(self.c(torch.cat(outputs, dim=1))) + shallow
        restored: Tensor = self.upsampler(deep)
        return restored
