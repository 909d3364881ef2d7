"""Convolutions, over one to three spatial axes."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

from slsc.onnx_torch.attributes import Attributes, Handler, Inputs
from slsc.onnx_torch.ops.padding import symmetric, torch_pads, window_pads

CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def conv(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Conv: grouped, dilated, strided; unequal pads are applied beforehand."""
    x, weight = inputs[:2]
    bias = inputs[2] if len(inputs) > 2 else None
    kernel = weight.shape[2:]
    ones = [1] * len(kernel)
    strides, dilations = attributes.integers("strides", ones), attributes.integers("dilations", ones)
    pads = window_pads(attributes, x.shape[2:], kernel, strides, dilations)
    padding = symmetric(pads)
    if padding is None:
        x, padding = F.pad(x, torch_pads(pads)), [0] * len(kernel)
    return CONV[len(kernel)](x, weight, bias, strides, padding, dilations, attributes.integer("group", 1))


OPS: Mapping[str, Handler] = {"Conv": conv}
