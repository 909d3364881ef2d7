"""Ridge regression of one convolution on the channels it keeps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from slsc.search.moments import Moments

RIDGE = 0.1
"""Pull towards zero, as a share of the inputs' mean variance. Much, for half the channels are gone: what the rest does
not explain must not be fitted by chance, or errors grow from layer to layer."""


def ridge_fit(
    moments: Moments, mask: npt.NDArray[np.bool_], has_bias: bool
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Weight and bias of least squares; the bias is not pulled.

    Args:
        moments: of the layer's inputs and targets.
        mask: (K, C/groups, kh, kw), the product of the output and the input channels kept.
        has_bias: whether the layer has a bias that may change.

    Returns:
        (K, C/groups, kh, kw) and (K,), zero where the mask is.
    """
    kept = torch.from_numpy(mask.reshape(len(moments.gram), -1, mask[0].size))
    found = torch.zeros(kept.shape[0], kept.shape[1], kept.shape[2] + 1, dtype=torch.float64)
    for group, rows in enumerate(kept):
        made, read = rows.any(1).nonzero()[:, 0], rows.any(0).nonzero()[:, 0]
        if len(made):
            solved = _solve(moments.gram[group], moments.cross[group][:, made], read, moments.count, has_bias)
            found[group, made[:, None], torch.cat([read, torch.tensor([-1])])] = solved.mT
    flat = found.reshape(len(mask), -1)
    return flat[:, :-1].reshape(mask.shape).float().numpy(), flat[:, -1].float().numpy()


def _solve(gram: Tensor, cross: Tensor, read: Tensor, count: int, has_bias: bool) -> Tensor:
    """(inputs read + 1, channels made): the weights, then the bias, of one group."""
    inputs, targets = gram[-1, read] / count, cross[-1] / count
    if not has_bias:
        inputs, targets = torch.zeros_like(inputs), torch.zeros_like(targets)
    system = gram[read[:, None], read] - count * torch.outer(inputs, inputs)
    system.diagonal().add_(RIDGE * system.diagonal().mean() + 1e-12)
    weights = torch.linalg.solve(system, cross[read] - count * torch.outer(inputs, targets))
    return torch.cat([weights, (targets - inputs @ weights)[None]])
