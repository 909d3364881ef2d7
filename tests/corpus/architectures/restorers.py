"""Networks whose output has the size of their input: denoising, deblurring, low light, haze."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from corpus.architectures.upscalers import conv


class DnCnn(nn.Module):
    """DnCNN with its batch normalisation; finds the noise and takes it away."""

    def __init__(self, channels: int = 3, features: int = 20, layers: int = 3) -> None:
        super().__init__()
        body: list[nn.Module] = [conv(channels, features), nn.ReLU()]
        for _ in range(layers):
            body += [conv(features, features, bias=False), nn.BatchNorm2d(features), nn.ReLU()]
        self.body = nn.Sequential(*body, conv(features, channels))

    def forward(self, x: Tensor) -> Tensor:
        return x - self.body(x)


class FfdNet(nn.Module):
    """FFDNet: pixel-unshuffled image and a map of the noise's deviation (of 0..1), which is an input of its own."""

    def __init__(self, features: int = 28) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(13, features), nn.ReLU(), conv(features, features), nn.ReLU(), conv(features, 12), nn.PixelShuffle(2)
        )

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        halves = F.pixel_unshuffle(x, 2)
        level = sigma.expand(halves.size(0), 1, halves.size(2), halves.size(3))
        return x - self.body(torch.cat([halves, level], 1))


class DrUnet(nn.Module):
    """DRUNet: the map of the noise's deviation is the fourth channel of the input; strided and transposed 2x2."""

    def __init__(self, features: int = 16) -> None:
        super().__init__()
        self.head = conv(4, features)
        self.down = nn.Conv2d(features, 2 * features, 2, stride=2, bias=False)
        self.body = nn.Sequential(conv(2 * features, 2 * features), nn.ReLU())
        self.up = nn.ConvTranspose2d(2 * features, features, 2, stride=2, bias=False)
        self.tail = conv(features, 3)

    def forward(self, x: Tensor) -> Tensor:
        full = F.relu(self.head(x))
        half = self.down(full)
        return x[:, :3] - self.tail(self.up(self.body(half) + half) + full)


class Unet(nn.Module):
    """U-Net: strided convolutions down, transposed 4x4 up, concatenated skips; heights and widths multiples of 4."""

    def __init__(self, features: int = 10) -> None:
        super().__init__()
        wide = 2 * features
        self.head = conv(3, features, 5)
        self.down1 = conv(features, wide, stride=2)
        self.down2 = conv(wide, wide, stride=2)
        self.up2 = nn.ConvTranspose2d(wide, wide, 4, stride=2, padding=1)
        self.up1 = nn.ConvTranspose2d(2 * wide, features, 4, stride=2, padding=1)
        self.tail = conv(2 * features, 3)

    def forward(self, x: Tensor) -> Tensor:
        full = F.relu(self.head(x))
        half = F.relu(self.down1(full))
        deep = F.relu(self.up2(F.relu(self.down2(half))))
        return x + self.tail(torch.cat([F.relu(self.up1(torch.cat([deep, half], 1))), full], 1))


class UpUnet(nn.Module):
    """U-Net that enlarges bilinearly with aligned corners, as `nn.UpsamplingBilinear2d` does; even sides."""

    def __init__(self, features: int = 14) -> None:
        super().__init__()
        self.head = conv(3, features)
        self.down = nn.Sequential(nn.MaxPool2d(2), conv(features, 2 * features), nn.ReLU())
        self.up = nn.UpsamplingBilinear2d(scale_factor=2)
        self.tail = nn.Sequential(conv(3 * features, features), nn.ReLU(), conv(features, 3))

    def forward(self, x: Tensor) -> Tensor:
        full = F.relu(self.head(x))
        return x + self.tail(torch.cat([self.up(self.down(full)), full], 1))


class Mimo(nn.Module):
    """MIMO-UNet's way out: a restored image of every level, the smallest first and the whole one last."""

    def __init__(self, features: int = 12) -> None:
        super().__init__()
        self.head = conv(3, features)
        self.down = conv(features, 2 * features, stride=2)
        self.small = conv(2 * features, 3)
        self.up = nn.ConvTranspose2d(2 * features, features, 4, stride=2, padding=1)
        self.tail = nn.Sequential(conv(features, features), nn.ReLU(), conv(features, 3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        full = F.relu(self.head(x))
        half = F.relu(self.down(full))
        small = F.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=False) + self.small(half)
        return small, x + self.tail(full + self.up(half))


class Mobile(nn.Module):
    """MobileNet's blocks: 1x1 out, depthwise 3x3, 1x1 back, all with ReLU6."""

    def __init__(self, features: int = 16, blocks: int = 3) -> None:
        super().__init__()
        wide = 2 * features
        self.head = conv(3, features)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                conv(features, wide, 1), nn.ReLU6(), conv(wide, wide, groups=wide), nn.ReLU6(), conv(wide, features, 1)
            )
            for _ in range(blocks)
        )
        self.tail = conv(features, 3)

    def forward(self, x: Tensor) -> Tensor:
        deep = self.head(x)
        for block in self.blocks:
            deep = deep + block(deep)
        return x + self.tail(deep)


class ZeroDce(nn.Module):
    """Zero-DCE for low light: curves of every pixel, applied again and again; hands out the curves too."""

    def __init__(self, features: int = 16, rounds: int = 4) -> None:
        super().__init__()
        self.rounds = rounds
        self.first, self.second = conv(3, features), conv(features, features)
        self.third = conv(2 * features, 3 * rounds)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        shallow = F.relu(self.first(x))
        curves = torch.tanh(self.third(torch.cat([shallow, F.relu(self.second(shallow))], 1)))
        image = x
        for curve in torch.split(curves, 3, dim=1):
            image = image + curve * (image * image - image)
        return image, curves


class AodNet(nn.Module):
    """AOD-Net for haze: one map K of which the clear image is K x - K + 1."""

    def __init__(self, features: int = 8) -> None:
        super().__init__()
        self.first, self.second = conv(3, features, 1), conv(features, features)
        self.third, self.fourth = conv(2 * features, features, 5), conv(3 * features, 3)

    def forward(self, x: Tensor) -> Tensor:
        one = F.relu(self.first(x))
        two = F.relu(self.second(one))
        three = F.relu(self.third(torch.cat([one, two], 1)))
        scale = self.fourth(torch.cat([one, two, three], 1))
        return F.relu(scale * x - scale + 1)


class ArCnn(nn.Module):
    """AR-CNN against JPEG blocks: large kernels, no skip but the image's own."""

    def __init__(self, features: int = 16) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(3, features, 7), nn.PReLU(), conv(features, features, 5), nn.PReLU(), conv(features, 3, 5)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)
