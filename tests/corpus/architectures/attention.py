"""Networks with normalisation, gates and attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from corpus.architectures.upscalers import conv


class LayerNorm2d(nn.Module):
    """Over the channels of each pixel, as NAFNet and Restormer write it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(1, keepdim=True)
        variance = (x - mean).pow(2).mean(1, keepdim=True)
        return self.weight.view(1, -1, 1, 1) * (x - mean) / (variance + 1e-6).sqrt() + self.bias.view(1, -1, 1, 1)


class NafBlock(nn.Module):
    """NAFNet: normalisation, depthwise convolution, a gate of halves, attention over the whole image's mean."""

    def __init__(self, features: int, *, attention: bool) -> None:
        super().__init__()
        self.norm1, self.norm2 = LayerNorm2d(features), LayerNorm2d(features)
        self.expand, self.depth = conv(features, 2 * features, 1), conv(2 * features, 2 * features, groups=2 * features)
        self.attend = nn.Sequential(nn.AdaptiveAvgPool2d(1), conv(features, features, 1)) if attention else None
        self.project, self.wide, self.narrow = (
            conv(features, features, 1), conv(features, 2 * features, 1), conv(features, features, 1),
        )  # fmt: skip
        self.beta = nn.Parameter(torch.ones(1, features, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.depth(self.expand(self.norm1(x))).chunk(2, dim=1)
        gated = first * second
        if self.attend is not None:
            gated = gated * self.attend(gated)
        middle = x + self.beta * self.project(gated)
        first, second = self.wide(self.norm2(middle)).chunk(2, dim=1)
        return middle + self.narrow(first * second)


class NafNet(nn.Module):
    """NAFNet of one level, which pads the image to even sides itself and cuts the result."""

    def __init__(self, features: int = 16, *, attention: bool = True) -> None:
        super().__init__()
        self.head, self.tail = conv(3, features), conv(features, 3)
        self.outer = NafBlock(features, attention=attention)
        self.down = nn.Conv2d(features, 2 * features, 2, stride=2)
        self.inner = NafBlock(2 * features, attention=attention)
        self.up = nn.Sequential(conv(2 * features, 4 * features, 1, bias=False), nn.PixelShuffle(2))

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.size(2), x.size(3)
        padded = F.pad(x, (0, width % 2, 0, height % 2))
        full = self.outer(self.head(padded))
        restored = padded + self.tail(full + self.up(self.inner(self.down(full))))
        return restored[:, :, :height, :width]


class Restormer(nn.Module):
    """Restormer's attention between channels over the whole image, and its gated feed-forward of depthwise layers."""

    def __init__(self, features: int = 16, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.head, self.tail = conv(3, features), conv(features, 3)
        self.norm1, self.norm2 = LayerNorm2d(features), LayerNorm2d(features)
        self.keys = conv(features, 3 * features, 1)
        self.depth = conv(3 * features, 3 * features, groups=3 * features)
        self.heat = nn.Parameter(torch.ones(heads, 1, 1))
        self.project = conv(features, features, 1)
        self.wide = nn.Sequential(
            conv(features, 4 * features, 1), conv(4 * features, 4 * features, groups=4 * features)
        )
        self.narrow = conv(2 * features, features, 1)

    def forward(self, x: Tensor) -> Tensor:
        deep = self.head(x)
        deep = deep + self._attend(self.norm1(deep))
        first, second = self.wide(self.norm2(deep)).chunk(2, dim=1)
        return x + self.tail(deep + self.narrow(F.gelu(first) * second))

    def _attend(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        parts = self.depth(self.keys(x)).chunk(3, dim=1)
        query, key, value = (part.reshape(batch, self.heads, channels // self.heads, height * width) for part in parts)
        match = F.normalize(query, dim=-1) @ F.normalize(key, dim=-1).transpose(-2, -1) * self.heat
        return self.project((match.softmax(-1) @ value).reshape(batch, channels, height, width))


class SwinIr(nn.Module):
    """SwinIR: self-attention within windows of 8x8, one layer of them straight and one shifted by half a window."""

    window = 8

    def __init__(self, scale: int = 2, features: int = 16, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.head = conv(3, features)
        self.norms = nn.ModuleList(nn.LayerNorm(features) for _ in range(2))
        self.keys = nn.ModuleList(nn.Linear(features, 3 * features) for _ in range(2))
        self.project = nn.ModuleList(nn.Linear(features, features) for _ in range(2))
        self.mlps = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(features), nn.Linear(features, 2 * features), nn.GELU(), nn.Linear(2 * features, features)
            )
            for _ in range(2)
        )
        self.fuse = conv(features, features)
        self.tail = nn.Sequential(conv(features, 3 * scale * scale), nn.PixelShuffle(scale))

    def forward(self, x: Tensor) -> Tensor:
        shallow = self.head(x)
        tokens = shallow.permute(0, 2, 3, 1)
        for layer, shift in enumerate((0, self.window // 2)):
            rolled = torch.roll(tokens, (-shift, -shift), (1, 2)) if shift else tokens
            attended = self._attend(self.norms[layer](rolled), layer)
            tokens = tokens + (torch.roll(attended, (shift, shift), (1, 2)) if shift else attended)
            tokens = tokens + self.mlps[layer](tokens)
        return self.tail(self.fuse(tokens.permute(0, 3, 1, 2)) + shallow)

    def _attend(self, x: Tensor, layer: int) -> Tensor:
        batch, height, width, channels = x.shape
        side, deep = self.window, channels // self.heads
        rows, columns = height // side, width // side
        windows = x.reshape(batch, rows, side, columns, side, channels).permute(0, 1, 3, 2, 4, 5)
        windows = windows.reshape(batch * rows * columns, side * side, channels)
        qkv = self.keys[layer](windows).reshape(-1, side * side, 3, self.heads, deep).permute(2, 0, 3, 1, 4)
        match = (qkv[0] @ qkv[1].transpose(-2, -1) * deep**-0.5).softmax(-1)
        mixed = self.project[layer]((match @ qkv[2]).transpose(1, 2).reshape(-1, side * side, channels))
        mixed = mixed.reshape(batch, rows, columns, side, side, channels).permute(0, 1, 3, 2, 4, 5)
        return mixed.reshape(batch, height, width, channels)


class RainNet(nn.Module):
    """A residual of two normalised layers, as light deraining networks have it."""

    def __init__(self, features: int = 20) -> None:
        super().__init__()
        self.head, self.norm, self.body, self.tail = (
            conv(3, features, 5), LayerNorm2d(features), conv(features, features, 5), conv(features, 3),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        deep = self.head(x)
        return x + self.tail(F.gelu(self.body(self.norm(deep))))
