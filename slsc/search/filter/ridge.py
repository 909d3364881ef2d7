"""Ridge regression of one convolution on the channels it keeps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from slsc.search.moments import Moments

RIDGE = 1.0
"""Pull towards the whole network's weights, as a share of the inputs' mean variance. Far more than an exact fit would
need: with half the channels gone, what least squares gains by large weights that cancel is lost again on other images,
and such weights cannot be trained on: at a tenth of this, finetuning RFDN diverges."""


def ridge_fit(
    weight: npt.NDArray[np.float32], moments: Moments, mask: npt.NDArray[np.bool_], has_bias: bool
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Weight and bias of least squares; the bias is not pulled.

    Args:
        weight: (K, C/groups, kh, kw), the whole network's.
        moments: of the layer's inputs and targets.
        mask: (K, C/groups, kh, kw), the product of the output and the input channels kept.
        has_bias: whether the layer has a bias that may change.

    Returns:
        (K, C/groups, kh, kw) and (K,), zero where the mask is.
    """
    kept = torch.from_numpy(mask.reshape(len(moments.gram), -1, mask[0].size))
    dense = torch.from_numpy(weight).double().reshape(kept.shape)
    found = torch.zeros(kept.shape[0], kept.shape[1], kept.shape[2] + 1, dtype=torch.float64)
    for group, rows in enumerate(kept):
        made, read = rows.any(1).nonzero()[:, 0], rows.any(0).nonzero()[:, 0]
        if len(made):
            pull = dense[group, made[:, None], read].mT
            solved = _solve(moments.gram[group], moments.cross[group][:, made], pull, read, moments.count, has_bias)
            found[group, made[:, None], torch.cat([read, torch.tensor([-1])])] = solved.mT
    flat = found.reshape(len(mask), -1)
    return flat[:, :-1].reshape(mask.shape).float().numpy(), flat[:, -1].float().numpy()


def _solve(gram: Tensor, cross: Tensor, pull: Tensor, read: Tensor, count: int, has_bias: bool) -> Tensor:
    """(inputs read + 1, channels made): the weights, then the bias, of one group."""
    inputs, targets = gram[-1, read] / count, cross[-1] / count
    if not has_bias:
        inputs, targets = torch.zeros_like(inputs), torch.zeros_like(targets)
    system = gram[read[:, None], read] - count * torch.outer(inputs, inputs)
    ridge = RIDGE * system.diagonal().mean() + 1e-12
    system.diagonal().add_(ridge)
    weights = torch.linalg.solve(system, cross[read] - count * torch.outer(inputs, targets) + ridge * pull)
    return torch.cat([weights, (targets - inputs @ weights)[None]])
