"""Subtraction and addition of the training set's mean colour, as the EDSR and CARN families do it."""

from __future__ import annotations

import torch
from torch import nn

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)
"""Mean RGB of DIV2K in 0..1."""


def mean_shift(sign: int, white: float) -> nn.Conv2d:
    """A frozen 1x1 convolution that adds `sign` times the mean colour to RGB images whose white is `white`."""
    conv = nn.Conv2d(3, 3, 1).requires_grad_(False)
    conv.weight.data = torch.eye(3).view(3, 3, 1, 1)
    conv.bias = nn.Parameter(sign * white * torch.tensor(DIV2K_MEAN), requires_grad=False)
    return conv
