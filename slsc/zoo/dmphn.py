"""DMPHN for deblurring: Zhang et al., Deep Stacked Hierarchical Multi-patch Network for Image Deblurring, CVPR 2019."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LEVELS = 4
GREY = 0.5
"""Subtracted from the image first and added last."""

ROWS, COLUMNS = 2, 3
CUTS = {2: ROWS, 3: COLUMNS, 4: ROWS}
"""The axis along which the patches of a level halve those of the level before; level 1 sees the whole image."""


class Dmphn(nn.Module):
    """Four stacked encoder-decoders, the last level first. Input and output RGB 0..1, NCHW, of one size.

    A level sees the image plus what the level after it restored, and adds that level's features to its own.

    Args:
        features: channels at full size; twice as many at half size, four times as many at a quarter.
        patches: the published model 1-2-4-8, with the key names of HongguangZhang/DMPHN-cvpr19-master: level l works
            on 2^(l-1) patches, features are enlarged by transposed convolutions; H a multiple of 16, W of 8. Without,
            the variant of the SLS paper (CVPR 2022): every level sees the whole image, features are enlarged by pixel
            shuffle; H and W multiples of 4.
    """

    def __init__(self, features: int = 32, *, patches: bool = True) -> None:
        super().__init__()
        self._patches = patches
        for level in range(1, LEVELS + 1):
            self.add_module(f"encoder_lv{level}", _encoder(features))
            self.add_module(f"decoder_lv{level}", _decoder(features, transposed=patches))

    def forward(self, x: Tensor) -> Tensor:
        """Map RGB (B, 3, H, W) to the same shape."""
        images = [[x - GREY]]
        for level in range(2, LEVELS + 1):
            images.append(self._cut(images[-1], level))
        features = self._encoded(images[-1], LEVELS)
        for level in range(LEVELS, 1, -1):
            features = self._joined(features, level)
            residuals = [self.get_submodule(f"decoder_lv{level}")(part) for part in features]
            seen = [image + residual for image, residual in zip(images[level - 2], residuals, strict=True)]
            encoded = self._encoded(seen, level - 1)
            features = [own + deeper for own, deeper in zip(encoded, features, strict=True)]
        restored: Tensor = self.get_submodule("decoder_lv1")(features[0])
        return restored + GREY

    def _encoded(self, parts: list[Tensor], level: int) -> list[Tensor]:
        return [self.get_submodule(f"encoder_lv{level}")(part) for part in parts]

    def _cut(self, parts: list[Tensor], level: int) -> list[Tensor]:
        """The patches of `level` from those of the level before."""
        return [half for part in parts for half in _halves(part, CUTS[level])] if self._patches else parts

    def _joined(self, parts: list[Tensor], level: int) -> list[Tensor]:
        """The patches of the level before from those of `level`."""
        if not self._patches:
            return parts
        return [torch.cat([first, second], CUTS[level]) for first, second in zip(parts[::2], parts[1::2], strict=True)]


class Chain(nn.Module):
    """Layers one after the other; those that are sequences of layers are added to their input."""

    def __init__(self, layers: dict[str, nn.Module]) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        """Run every layer."""
        for layer in self.children():
            x = layer(x) + x if isinstance(layer, nn.Sequential) else layer(x)
        return x


def _encoder(features: int) -> Chain:
    """RGB to 4 x `features` channels at a quarter of the size; keys leave out the numbers that the original skips."""
    full, half, quarter = features, 2 * features, 4 * features
    return Chain(
        {
            "layer1": nn.Conv2d(3, full, 3, padding=1),
            "layer2": _residual(full),
            "layer3": _residual(full),
            "layer5": nn.Conv2d(full, half, 3, stride=2, padding=1),
            "layer6": _residual(half),
            "layer7": _residual(half),
            "layer9": nn.Conv2d(half, quarter, 3, stride=2, padding=1),
            "layer10": _residual(quarter),
            "layer11": _residual(quarter),
        }
    )


def _decoder(features: int, *, transposed: bool) -> Chain:
    """The way back from `_encoder`'s features to RGB."""
    full, half, quarter = features, 2 * features, 4 * features
    return Chain(
        {
            "layer13": _residual(quarter),
            "layer14": _residual(quarter),
            "layer16": _upsampler(quarter, transposed),
            "layer17": _residual(half),
            "layer18": _residual(half),
            "layer20": _upsampler(half, transposed),
            "layer21": _residual(full),
            "layer22": _residual(full),
            "layer24": nn.Conv2d(full, 3, 3, padding=1),
        }
    )


def _residual(channels: int) -> nn.Sequential:
    convs = [nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2)]
    return nn.Sequential(convs[0], nn.ReLU(), convs[1])


def _upsampler(channels: int, transposed: bool) -> nn.Module:
    """From `channels` to half as many at twice the size."""
    if transposed:
        return nn.ConvTranspose2d(channels, channels // 2, 4, stride=2, padding=1)
    return Chain({"conv": nn.Conv2d(channels, 2 * channels, 3, padding=1), "shuffle": nn.PixelShuffle(2)})


def _halves(part: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    size = part.shape[axis]
    return part.narrow(axis, 0, size // 2), part.narrow(axis, size // 2, size - size // 2)
