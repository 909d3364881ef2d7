"""Weights rounded to 8 bits so that the error of one is made good by the next.

As optimal brain quantization does it (Frantar et al., OBQ and GPTQ, 2022): the weights of an output channel are rounded
one after the other, and after each the ones still to come are moved to their optimum given those that are fixed. The
bias is not rounded, and takes up what is left of the mean. Weights that are zero stay zero.

Before that, weights take a step towards the least-squares fit of their quantized inputs to the wanted outputs. Not all
the way: inputs with noise make that fit too small, and detail is lost with it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from slsc.passes.precision.int8 import WEIGHT_BOUND, RoundedWeight
from slsc.search.least_squares import LeastSquares, System, applied
from slsc.search.moments import Moments

STEP = 0.3
"""Share of the way to the fit that weights go."""


def round_weight(
    weight: np.ndarray, bias: np.ndarray, moments: Moments, has_bias: bool
) -> tuple[RoundedWeight, np.ndarray]:
    """Fit a weight to the moments of its quantized inputs, and round it.

    Args:
        weight: (K, C/groups, kh, kw) float32.
        bias: (K,) float32.
        moments: of the quantized inputs and the wanted outputs.
        has_bias: whether the bias may change.

    Returns:
        The weight and the bias.
    """
    squares = LeastSquares(weight, bias, moments)
    support = squares.support(weight != 0, has_bias)
    integers = torch.zeros(support.shape, dtype=torch.float64)
    scale = torch.ones(len(weight), dtype=torch.float64)
    for system in squares.systems(support):
        scale[system.rows], rounded = _rounded(system, has_bias)
        integers[system.rows] = system.spread(rounded)
    held = integers[:, :-1].reshape(weight.shape).numpy().astype(np.int8)
    if has_bias:
        made = integers * scale[:, None]
        made[:, -1] = torch.from_numpy(bias)
        bias = (bias + squares.bias_change(made).numpy()).astype(np.float32)
    return RoundedWeight(held, scale.numpy().astype(np.float32)), bias


def nearest(weight: np.ndarray) -> RoundedWeight:
    """A weight rounded to nearest, the largest of each output channel to the largest integer."""
    flat = torch.from_numpy(weight.reshape(len(weight), -1)).double()
    scale = _scales(flat)
    integers = (flat / scale[:, None]).round_().clamp_(-WEIGHT_BOUND, WEIGHT_BOUND)
    return RoundedWeight(integers.reshape(weight.shape).numpy().astype(np.int8), scale.float().numpy())


def _rounded(system: System, has_bias: bool) -> tuple[Tensor, Tensor]:
    """(scale of each row, integers (R, n) with 0 in the bias' place)."""
    inverse = system.inverse()
    fit = applied(inverse, system.right)
    left = system.before + STEP * (fit - system.before)
    upper = torch.linalg.cholesky(inverse, upper=True)
    count = left.shape[1] - has_bias
    scale = _scales(left[:, :count])
    integers = torch.zeros_like(left)
    for place in range(count):
        value = left[:, place]
        integers[:, place] = (value / scale).round().clamp(-WEIGHT_BOUND, WEIGHT_BOUND)
        error = (value - integers[:, place] * scale) / upper[:, place, place]
        left[:, place:] -= error[:, None] * upper[:, place, place:]
    return scale, integers


def _scales(weight: Tensor) -> Tensor:
    """One for each row, as float32 holds it; 1 for rows of zeros."""
    largest = weight.abs().amax(1) if weight.shape[1] else weight.new_zeros(len(weight))
    return torch.where(largest > 0, (largest / WEIGHT_BOUND).float().double(), 1.0)
