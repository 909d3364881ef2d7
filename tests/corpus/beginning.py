"""What super-resolution networks are trained from: plain enlargement, so that seconds suffice to learn the rest."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SMALL = 0.1
"""What the weights beside the image's way are multiplied by."""


@torch.no_grad()
def begin_enlarging(module: nn.Module, scale: int) -> None:
    """Set a network's first weights so that it enlarges by `scale`, about bilinearly, before it has learnt anything.

    The image goes through the first channels of all layers on the way from `head` to `tail`, or of the `body`, whose
    activations leave what is not negative as it is. Networks that add an enlargement themselves stay as they are.
    """
    if hasattr(module, "shuffle"):
        module.body[-1].weight.mul_(SMALL)
        return
    if hasattr(module, "fuse"):
        module.fuse.weight.mul_(SMALL)
    layers = [layer for layer in _path(module) if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))]
    colours = layers[0].in_channels
    for layer in layers[:-1]:
        _pass_on(layer, colours)
    last = layers[-1]
    if isinstance(last, nn.ConvTranspose2d):
        last.weight.mul_(SMALL)
        for colour in range(colours):
            last.weight[colour, colour] = _centred(_tent(scale), last.kernel_size[0])
    elif last.out_channels == colours:  # enlarged before by nearest neighbours
        _pass_on(last, colours)
    else:
        last.weight.mul_(SMALL)
        for colour in range(colours):
            last.weight[colour * scale**2 : (colour + 1) * scale**2, colour] = _phases(scale)
    last.bias.zero_()


@torch.no_grad()
def begin_quiet(module: nn.Module) -> None:
    """Set the last layer's weights small: what adds its result to the image begins with the image, about."""
    last = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)][-1]
    last.weight.mul_(SMALL)
    if last.bias is not None:
        last.bias.zero_()


def _path(module: nn.Module) -> list[nn.Module]:
    """The layers an image passes: all of `body` for a chain, else those of the long skip."""
    if not hasattr(module, "head"):
        return list(module.body) + ([module.up] if hasattr(module, "up") else [])
    tail = list(module.tail) if isinstance(module.tail, nn.Sequential) else [module.tail]
    return [module.head, *(module.up if hasattr(module, "up") else []), *tail]


def _pass_on(layer: nn.Module, colours: int) -> None:
    """Channels before `colours` leave a layer as they came in."""
    layer.weight[:colours] = 0
    layer.bias[:colours] = 0
    middle = layer.kernel_size[0] // 2
    for colour in range(colours):
        layer.weight[colour, colour, middle, middle] = 1


def _tent(scale: int) -> Tensor:
    """Weights of bilinear enlargement as a transposed convolution: 2 * scale - scale % 2 at a side."""
    side = 2 * scale - scale % 2
    line = 1 - (torch.arange(side) - (side - 1) / 2).abs() / scale
    return torch.outer(line, line)


def _centred(kernel: Tensor, side: int) -> Tensor:
    """A kernel in the middle of a larger one, towards its end where there is no middle."""
    result = torch.zeros(side, side)
    start = (side - kernel.shape[0] + 1) // 2
    result[start : start + kernel.shape[0], start : start + kernel.shape[0]] = kernel
    return result


def _phases(scale: int) -> Tensor:
    """3x3 kernels of bilinear enlargement, one for each place within a pixel: (scale * scale, 3, 3)."""
    places = (torch.arange(scale) + 0.5) / scale - 0.5
    lines = torch.stack([(-places).clamp(min=0), 1 - places.abs(), places.clamp(min=0)], 1)
    return torch.einsum("ay,bx->abyx", lines, lines).reshape(scale**2, 3, 3)
