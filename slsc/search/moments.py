"""Second moments of a convolution's inputs and targets: all that least squares needs to know of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from slsc.onnx_torch import ConvStep, OnnxModule
from slsc.search.layers import Layer, fixed_bias

BLOCK = 1024
"""Positions of as many images as hold so many are summed at once: of a wide layer, adding up takes longer than summing
few positions."""


@dataclass
class Moments:
    """Sums over sampled output positions, one block per convolution group.

    A row of features holds the inputs under the kernel in the weight's own order (c, r, s), then a constant 1 for
    the bias, so d = C/groups * kh * kw + 1.

    Attributes:
        gram: (groups, d, d) float64, sum of features x features.
        cross: (groups, d, K/groups) float64, sum of features x targets.
        energy: (K,) float64, sum of squared targets.
        count: positions summed.
    """

    gram: Tensor
    cross: Tensor
    energy: Tensor
    count: int

    @classmethod
    def zeros(cls, shape: tuple[int, ...], groups: int) -> Moments:
        """Empty sums for a weight of `shape` (K, C/groups, kh, kw)."""
        d = shape[1] * shape[2] * shape[3] + 1
        double = torch.float64
        return cls(
            torch.zeros(groups, d, d, dtype=double),
            torch.zeros(groups, d, shape[0] // groups, dtype=double),
            torch.zeros(shape[0], dtype=double),
            0,
        )

    def add(self, conv: ConvStep, kernel: tuple[int, int], x: Tensor, target: Tensor, columns: Tensor) -> None:
        """Add the output positions `columns` of every image of a batch.

        Args:
            conv: the convolution.
            kernel: (kh, kw).
            x: (B, C, H, W), its input.
            target: (B, K, H', W'), what its output should be.
            columns: (B, P) indices into the H' * W' positions.
        """
        groups, _, out = self.cross.shape
        together = max(1, BLOCK // columns.shape[1])
        for images, wanted, picks in zip(*(of.split(together) for of in (x, target, columns)), strict=True):
            features = torch.cat([features_at(conv, kernel, *one) for one in zip(images, picks, strict=True)], 2)
            values = torch.cat([one.flatten(1)[:, at] for one, at in zip(wanted, picks, strict=True)], 1)
            values = values.reshape(groups, out, -1)
            self.gram += (features @ features.mT).double()
            self.cross += (features @ values.mT).double()
            self.energy += values.square().sum(2, dtype=torch.float64).flatten()
            self.count += values.shape[2]


def layer_moments(
    module: OnnxModule, layer: Layer, x: Tensor, target: Tensor, positions: int, generator: torch.Generator
) -> Moments:
    """Moments of one use of a layer, of about `positions` random output positions.

    Args:
        module: holds the layer.
        layer: its first use tells the geometry.
        x: (B, C, H, W), the input of the convolution.
        target: (B, K, H', W'), what the convolution should put out, bias included.
        positions: how many output positions to sample over the batch.
        generator: draws them.
    """
    shape = tuple(module.parameter(layer.name).shape)
    conv = layer.uses[0]
    moments = Moments.zeros(shape, conv.groups)
    columns = sample_positions(len(target), target.shape[2] * target.shape[3], positions, generator)
    moments.add(conv, (shape[2], shape[3]), x, target - fixed_bias(module, conv, layer), columns)
    return moments


@torch.inference_mode()
def network_moments(
    module: OnnxModule, layers: Mapping[str, Layer], x: Tensor, positions: int, generator: torch.Generator
) -> dict[str, Moments]:
    """Moments of `layers` with their own inputs and outputs, summed over all uses of a weight, in one run."""
    found: dict[str, Moments] = {}
    by_step = {use.step: layer for layer in layers.values() for use in layer.uses}
    env = module.start(x)
    for step in module.steps:
        layer = by_step.get(step)
        inputs = env[step.inputs[0]] if layer else None
        module.execute(step, env)
        if layer is None or inputs is None:
            continue
        moments = layer_moments(module, layer, inputs, env[step.outputs[0]], positions, generator)
        if layer.name in found:
            total = found[layer.name]
            total.gram += moments.gram
            total.cross += moments.cross
            total.energy += moments.energy
            total.count += moments.count
        else:
            found[layer.name] = moments
    return found


def features_at(conv: ConvStep, kernel: tuple[int, int], image: Tensor, picks: Tensor) -> Tensor:
    """Features at output positions `picks` of one (C, H, W) image: (groups, d, P), as `Moments` sums them."""
    top, left, bottom, right = conv.pads
    padded = F.pad(image, (left, right, top, bottom))
    width = (padded.shape[2] - conv.dilations[1] * (kernel[1] - 1) - 1) // conv.strides[1] + 1
    rows, cols = picks // width * conv.strides[0], picks % width * conv.strides[1]
    dr = torch.arange(kernel[0]) * conv.dilations[0]
    ds = torch.arange(kernel[1]) * conv.dilations[1]
    taps = (dr[:, None] * padded.shape[2] + ds[None, :]).reshape(-1, 1)
    flat = padded.flatten(1)
    under = flat[:, taps + (rows * padded.shape[2] + cols)].reshape(conv.groups, -1, picks.numel())
    return torch.cat([under, under.new_ones(conv.groups, 1, picks.numel())], 1)


def sample_positions(batch: int, available: int, wanted: int, generator: torch.Generator) -> Tensor:
    """(batch, P) random positions per image, about `wanted` in all."""
    per_image = max(1, min(available, wanted // batch))
    if per_image == available:
        return torch.arange(available).expand(batch, -1)
    return torch.stack([torch.randperm(available, generator=generator)[:per_image] for _ in range(batch)])
