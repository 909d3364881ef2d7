"""Further architectures, of which `corpus.fresh` trains new networks on every call; none is kept."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from corpus.architectures.upscalers import conv


class Carn(nn.Module):
    """CARN: grouped convolutions whose results are all kept and joined by 1x1."""

    def __init__(self, channels: int, scale: int, features: int = 24) -> None:
        super().__init__()
        self.head = conv(channels, features)
        self.steps = nn.ModuleList(conv(features, features, groups=4) for _ in range(3))
        self.fuse = conv(4 * features, features, 1)
        self.tail = nn.Sequential(conv(features, channels * scale**2), nn.PixelShuffle(scale))

    def forward(self, x: Tensor) -> Tensor:
        held = [self.head(x)]
        for step in self.steps:
            held.append(F.relu(step(held[-1])))
        return self.tail(self.fuse(torch.cat(held, 1)) + held[0])


class Safmn(nn.Module):
    """SAFMN: a part of the channels pooled, filtered and enlarged again gates the rest."""

    def __init__(self, channels: int, scale: int, features: int = 24) -> None:
        super().__init__()
        self.head, self.depth = conv(channels, features), conv(features, features, groups=features)
        self.mix, self.feed = conv(features, features, 1), conv(features, features)
        self.fuse = conv(features, features)
        self.tail = nn.Sequential(conv(features, channels * scale**2), nn.PixelShuffle(scale))

    def forward(self, x: Tensor) -> Tensor:
        shallow = self.head(x)
        small = self.depth(F.max_pool2d(shallow, 2))
        wide = F.interpolate(small, (x.size(2), x.size(3)), mode="nearest")
        gated = F.gelu(self.mix(wide)) * shallow
        return self.tail(self.fuse(F.gelu(self.feed(gated + shallow))) + shallow)


class Rcan(nn.Module):
    """RCAN: channels weighed by the mean over the whole image."""

    def __init__(self, channels: int, scale: int, features: int = 20) -> None:
        super().__init__()
        self.head = conv(channels, features)
        self.body = nn.ModuleList([conv(features, features), conv(features, features)])
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), conv(features, 6, 1), nn.ReLU(), conv(6, features, 1), nn.Sigmoid()
        )
        self.fuse = conv(features, features)
        self.tail = nn.Sequential(conv(features, channels * scale**2), nn.PixelShuffle(scale))

    def forward(self, x: Tensor) -> Tensor:
        shallow = self.head(x)
        deep = self.body[1](F.relu(self.body[0](shallow)))
        return self.tail(self.fuse(deep * self.weigh(deep) + shallow) + shallow)


class Sesr(nn.Module):
    """SESR and its kin for phones: a plain chain with PReLU, to which the image is added before it is shuffled."""

    def __init__(self, channels: int, scale: int, features: int = 20) -> None:
        super().__init__()
        layers: list[nn.Module] = [conv(channels, features, 5), nn.PReLU(features)]
        for _ in range(2):
            layers += [conv(features, features), nn.PReLU(features)]
        self.body = nn.Sequential(*layers, conv(features, channels * scale**2))
        self.shuffle, self.scale = nn.PixelShuffle(scale), scale

    def forward(self, x: Tensor) -> Tensor:
        return self.shuffle(self.body(x) + x.repeat_interleave(self.scale**2, 1))


class Pan(nn.Module):
    """PAN: every pixel's features gated by a 1x1 convolution; the bilinear enlargement is added."""

    def __init__(self, channels: int, scale: int, features: int = 20) -> None:
        super().__init__()
        self.first, self.second, self.gate = (
            conv(channels, features),
            conv(features, features),
            conv(features, features, 1),
        )
        self.body = nn.ModuleList([conv(features, channels * scale**2)])
        self.shuffle, self.scale = nn.PixelShuffle(scale), scale

    def forward(self, x: Tensor) -> Tensor:
        deep = F.leaky_relu(self.first(x), 0.2)
        deep = F.leaky_relu(self.second(deep), 0.2) * torch.sigmoid(self.gate(deep)) + deep
        whole = F.interpolate(x, scale_factor=float(self.scale), mode="bilinear", align_corners=False)
        return self.shuffle(self.body[-1](deep)) + whole


class Ircnn(nn.Module):
    """IRCNN: dilated convolutions find what is wrong with the image."""

    def __init__(self, channels: int, features: int = 20) -> None:
        super().__init__()
        self.first, self.last = conv(channels, features), conv(features, channels)
        self.body = nn.ModuleList(nn.Conv2d(features, features, 3, padding=wide, dilation=wide) for wide in (2, 3, 2))

    def forward(self, x: Tensor) -> Tensor:
        deep = F.relu(self.first(x))
        for layer in self.body:
            deep = F.relu(layer(deep))
        return x - self.last(deep)


class DeblurGan(nn.Module):
    """A generator of CycleGAN's: mirrored borders, instance normalisation, strides; adds what it finds."""

    def __init__(self, channels: int, features: int = 12) -> None:
        super().__init__()
        wide = 2 * features
        self.head = nn.Sequential(nn.ReflectionPad2d(2), nn.Conv2d(channels, features, 5), nn.ReLU())
        self.down = nn.Sequential(conv(features, wide, stride=2), nn.InstanceNorm2d(wide, affine=True), nn.ReLU())
        self.body = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(wide, wide, 3), nn.ReLU())
        self.up = nn.ConvTranspose2d(wide, features, 4, stride=2, padding=1)
        self.last = conv(features, channels)

    def forward(self, x: Tensor) -> Tensor:
        full = self.head(x)
        half = self.down(full)
        return x + self.last(F.relu(self.up(half + self.body(half))) + full)


class Recurrent(nn.Module):
    """PReNet: one small network run on image and last result, again and again."""

    def __init__(self, channels: int, features: int = 20, rounds: int = 2) -> None:
        super().__init__()
        self.rounds = rounds
        self.first, self.second = conv(2 * channels, features), conv(features, features)
        self.last = conv(features, channels)

    def forward(self, x: Tensor) -> Tensor:
        found = x
        for _ in range(self.rounds):
            deep = F.relu(self.first(torch.cat([x, found], 1)))
            found = x + self.last(deep + F.relu(self.second(deep)))
        return found


class Ffa(nn.Module):
    """FFA-Net: attention over channels and over pixels; the image is not added but rebuilt."""

    def __init__(self, channels: int, features: int = 20) -> None:
        super().__init__()
        self.head, self.body, self.last = conv(channels, features), conv(features, features), conv(features, channels)
        self.weigh = nn.Sequential(nn.AdaptiveAvgPool2d(1), conv(features, 6, 1), nn.ReLU(), conv(6, features, 1))
        self.place = nn.Sequential(conv(features, 6, 1), nn.ReLU(), conv(6, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        shallow = self.head(x)
        deep = F.relu(self.body(F.relu(shallow)))
        deep = deep * torch.sigmoid(self.weigh(deep))
        return self.last(deep * torch.sigmoid(self.place(deep)) + shallow)


class RedNet(nn.Module):
    """RED-Net: convolutions and transposed convolutions of one size, with skips of features; ends in no skip."""

    def __init__(self, channels: int, features: int = 20) -> None:
        super().__init__()
        self.head, self.inner = conv(channels, features), conv(features, features)
        self.back = nn.ConvTranspose2d(features, features, 3, padding=1)
        self.last = nn.ConvTranspose2d(features, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        shallow = F.relu(self.head(x))
        return self.last(F.relu(self.back(F.relu(self.inner(shallow))) + shallow))


class HiNet(nn.Module):
    """HINet: half of the channels normalised over the image; average pooling down, nearest up."""

    def __init__(self, channels: int, features: int = 16) -> None:
        super().__init__()
        self.head, self.norm = conv(channels, features), nn.InstanceNorm2d(features // 2, affine=True)
        self.body, self.deep = conv(features, features), conv(features, 2 * features)
        self.last = nn.Sequential(conv(3 * features, features), nn.LeakyReLU(0.2), conv(features, channels))

    def forward(self, x: Tensor) -> Tensor:
        full = self.head(x)
        first, second = full.chunk(2, dim=1)
        full = F.leaky_relu(self.body(torch.cat([self.norm(first), second], 1)), 0.2)
        half = F.leaky_relu(self.deep(F.avg_pool2d(full, 2)), 0.2)
        return x + self.last(torch.cat([F.interpolate(half, scale_factor=2.0, mode="nearest"), full], 1))


class Light(nn.Module):
    """MIRNet's and KinD's kin: a map of gains of every pixel, and what is added to their product."""

    def __init__(self, channels: int, features: int = 20) -> None:
        super().__init__()
        self.first, self.second = conv(channels, features, 5), conv(features, features)
        self.gain, self.more = conv(features, channels), conv(features, channels)

    def forward(self, x: Tensor) -> Tensor:
        deep = F.leaky_relu(self.first(x), 0.2)
        deep = deep + F.leaky_relu(self.second(deep), 0.2)
        return x * (1 + F.softplus(self.gain(deep))) + self.more(deep)


class Vgg7(nn.Module):
    """waifu2x's VGG7 of one size: no padding, so that the output lacks a border of 4 pixels here."""

    def __init__(self, channels: int, features: int = 20) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs in (channels, *[features] * 2):
            layers += [nn.Conv2d(inputs, features, 3), nn.LeakyReLU(0.1)]
        self.body = nn.Sequential(*layers, nn.Conv2d(features, channels, 3))

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, 4:-4, 4:-4] + self.body(x)


ENLARGING = (Carn, Safmn, Rcan, Sesr, Pan)
"""Of channels and scale."""

RESTORING = (Ircnn, DeblurGan, Recurrent, Ffa, RedNet, HiNet, Light, Vgg7)
"""Of channels."""
