"""The principal directions of what a network's convolutions read, row by row on the weights that are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from slsc.onnx_torch import OnnxModule
from slsc.search.layers import layers_of
from slsc.search.moments import Moments, network_moments
from slsc.trainer.rotated_adam import Rotation

POSITIONS = 12_000
"""Output positions sampled per layer."""

MOST_WORK = 4e9
"""Rows times cubes of kept weights a row, above which a layer's directions take longer to find than they save."""


@torch.no_grad()
def rotations_of(
    module: OnnxModule, masks: Mapping[str, Tensor], x: Tensor, seed: int
) -> dict[nn.Parameter, list[Rotation]]:
    """Rotations of all convolutions whose directions are found in reasonable time.

    Args:
        module: the network as it is.
        masks: what is kept, by weight; all of the others.
        x: (B, C, H, W) inputs in the network's range.
        seed: draws positions.
    """
    layers = layers_of(module)
    moments = network_moments(module, layers, x, POSITIONS, torch.Generator().manual_seed(seed))
    found = {}
    for name, of_layer in moments.items():
        parameter = module.parameter(name)
        kept = masks[name].cpu() if name in masks else torch.ones(parameter.shape, dtype=torch.bool)
        kept = kept.reshape(len(kept), -1)
        if len(kept) * float(kept.sum(1).max()) ** 3 <= MOST_WORK:
            found[parameter] = list(_rotations(kept, of_layer))
    return found


def _rotations(kept: Tensor, moments: Moments) -> Iterator[Rotation]:
    per_group = len(kept) // len(moments.gram)
    for group, gram in enumerate(moments.gram):
        members = torch.arange(group * per_group, (group + 1) * per_group)
        sizes = kept[members].sum(1)
        for size in sizes[sizes > 0].unique():
            rows = members[sizes == size]
            same = bool((kept[rows] == kept[rows[0]]).all())
            index = torch.nonzero(kept[rows])[:, 1].reshape(len(rows), -1)
            few = index[:1] if same else index
            matrices = gram[few[:, :, None], few[:, None, :]].float() / moments.count
            yield Rotation(rows, index, torch.linalg.eigh(matrices)[1])
