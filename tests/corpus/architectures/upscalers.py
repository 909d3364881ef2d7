"""Super-resolution networks: RGB or luma in, `scale` times larger out."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def conv(inputs: int, outputs: int, kernel: int = 3, **how: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, **how)


class Edsr(nn.Module):
    """EDSR: residual blocks without normalisation, a long skip, pixel shuffle."""

    def __init__(self, scale: int = 2, features: int = 18, blocks: int = 2) -> None:
        super().__init__()
        self.head = conv(3, features)
        self.body = nn.ModuleList(
            nn.Sequential(conv(features, features), nn.ReLU(), conv(features, features)) for _ in range(blocks)
        )
        self.fuse = conv(features, features)
        self.tail = nn.Sequential(conv(features, 3 * scale * scale), nn.PixelShuffle(scale))

    def forward(self, x: Tensor) -> Tensor:
        shallow = deep = self.head(x - 0.45)
        for block in self.body:
            deep = deep + block(deep)
        return self.tail(self.fuse(deep) + shallow) + 0.45


class Srvgg(nn.Module):
    """Real-ESRGAN's compact network: convolutions with PReLU at the input's size, the nearest enlargement added."""

    def __init__(self, scale: int = 4, features: int = 20, convs: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = [conv(3, features), nn.PReLU(features)]
        for _ in range(convs):
            layers += [conv(features, features), nn.PReLU(features)]
        self.body = nn.Sequential(*layers, conv(features, 3 * scale * scale))
        self.shuffle = nn.PixelShuffle(scale)
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return self.shuffle(self.body(x)) + F.interpolate(x, scale_factor=float(self.scale), mode="nearest")


class Rrdb(nn.Module):
    """ESRGAN: dense blocks of concatenations, enlarged by nearest and convolution, twice."""

    def __init__(self, features: int = 12, growth: int = 8) -> None:
        super().__init__()
        self.head = conv(3, features)
        self.dense = nn.ModuleList(conv(features + step * growth, growth) for step in range(2))
        self.join = conv(features + 2 * growth, features)
        self.up = nn.ModuleList(conv(features, features) for _ in range(2))
        self.tail = nn.Sequential(conv(features, features), nn.LeakyReLU(0.2), conv(features, 3))

    def forward(self, x: Tensor) -> Tensor:
        shallow = self.head(x)
        seen = [shallow]
        for layer in self.dense:
            seen.append(F.leaky_relu(layer(torch.cat(seen, 1)), 0.2))
        deep = shallow + 0.2 * self.join(torch.cat(seen, 1))
        for layer in self.up:
            deep = F.leaky_relu(layer(F.interpolate(deep, scale_factor=2, mode="nearest")), 0.2)
        return self.tail(deep)


class Imdn(nn.Module):
    """IMDN: part of the channels is kept at every step, the rest refined; all are joined by a 1x1 convolution."""

    def __init__(self, scale: int = 2, features: int = 24, kept: int = 6) -> None:
        super().__init__()
        self.split = [kept, features - kept]
        self.head = conv(3, features)
        self.refine = nn.ModuleList([conv(features, features), conv(features - kept, features)])
        self.last = conv(features - kept, kept)
        self.fuse = conv(3 * kept, features, 1)
        self.tail = nn.Sequential(conv(features, 3 * scale * scale), nn.PixelShuffle(scale))

    def forward(self, x: Tensor) -> Tensor:
        shallow = rest = self.head(x)
        held = []
        for layer in self.refine:
            kept, rest = torch.split(F.leaky_relu(layer(rest), 0.05), self.split, dim=1)
            held.append(kept)
        held.append(self.last(rest))
        return self.tail(shallow + self.fuse(torch.cat(held, 1)))


class Rfdn(nn.Module):
    """RFDN's enhanced spatial attention: strided convolution, max-pooling, bilinear back to the computed size."""

    def __init__(self, scale: int = 4, features: int = 20, narrow: int = 8) -> None:
        super().__init__()
        self.head = conv(3, features)
        self.body = conv(features, features)
        self.squeeze = conv(features, narrow, 1)
        self.stride = nn.Conv2d(narrow, narrow, 3, stride=2)
        self.mix = conv(narrow, narrow)
        self.skip = conv(narrow, narrow, 1)
        self.expand = conv(narrow, features, 1)
        self.fuse = conv(features, features, 1)
        self.tail = nn.Sequential(conv(features, 3 * scale * scale), nn.PixelShuffle(scale))

    def forward(self, x: Tensor) -> Tensor:
        shallow = self.head(x)
        deep = F.leaky_relu(self.body(shallow) + shallow, 0.05)
        small = self.squeeze(deep)
        pooled = F.max_pool2d(self.stride(small), 7, stride=3)
        wide = F.interpolate(self.mix(pooled), (x.size(2), x.size(3)), mode="bilinear", align_corners=False)
        return self.tail(self.fuse(deep * torch.sigmoid(self.expand(wide + self.skip(small)))) + shallow)


class Fsrcnn(nn.Module):
    """FSRCNN: shrink, map, expand, and a transposed convolution of 9x9; luma."""

    def __init__(self, scale: int = 2, features: int = 24, narrow: int = 8) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(1, features, 5), nn.PReLU(features), conv(features, narrow, 1), nn.PReLU(narrow),
            conv(narrow, narrow), nn.PReLU(narrow), conv(narrow, features, 1), nn.PReLU(features),
        )  # fmt: skip
        self.up = nn.ConvTranspose2d(features, 1, 9, stride=scale, padding=4, output_padding=scale - 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.up(self.body(x))


class Espcn(nn.Module):
    """ESPCN: tanh and pixel shuffle; luma."""

    def __init__(self, scale: int = 3) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(1, 24, 5), nn.Tanh(), conv(24, 12), nn.Tanh(), conv(12, scale**2), nn.PixelShuffle(scale)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class UpConv7(nn.Module):
    """waifu2x's UpConv7: no padding anywhere, so that the output lacks a border of 14 pixels at x2."""

    def __init__(self, features: int = 12) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs in (3, *[features] * 5):
            layers += [nn.Conv2d(inputs, features, 3), nn.LeakyReLU(0.1)]
        self.body = nn.Sequential(*layers, nn.ConvTranspose2d(features, 3, 4, stride=2, padding=3))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)
