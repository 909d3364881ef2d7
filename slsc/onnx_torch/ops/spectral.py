"""Discrete Fourier transforms."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from slsc.onnx_torch.attributes import Attributes, Handler, Inputs


def dft(attributes: Attributes, inputs: Inputs) -> Tensor:
    """DFT along one axis; numbers are real (1) or complex (2) along the last axis. The axis is an input since opset 20.

    The inverse is divided by its length.
    """
    x, length, axis = (*inputs, None, None)[:3]
    onesided, inverse = attributes.integer("onesided", 0), attributes.integer("inverse", 0)
    if onesided and inverse:
        raise attributes.refuse("the inverse of half a spectrum is not supported")
    if attributes.opset < 20:
        along = attributes.integer("axis", 1) % x.ndim
    else:
        along = (-2 if axis is None else int(axis)) % x.ndim
    numbers = torch.complex(x[..., 0], x[..., 1] if x.shape[-1] > 1 else torch.zeros_like(x[..., 0]))
    count = None if length is None else int(length)
    found = (torch.fft.ifft if inverse else torch.fft.fft)(numbers, count, along)
    if onesided:
        found = found.narrow(along, 0, found.shape[along] // 2 + 1)
    return torch.view_as_real(found)


OPS: Mapping[str, Handler] = {"DFT": dft}
