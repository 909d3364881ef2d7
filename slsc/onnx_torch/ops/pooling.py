"""Pooling over windows."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

from slsc.onnx_torch.attributes import Attributes, Handler, Inputs
from slsc.onnx_torch.ops.padding import symmetric, torch_pads, window_pads

MAX_POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}


def max_pool(attributes: Attributes, inputs: Inputs) -> Tensor:
    """MaxPool without the indices output."""
    x, kernel = inputs[0], attributes.integers("kernel_shape")
    if attributes.outputs > 1:
        raise attributes.refuse("its indices output is not supported")
    ones = [1] * len(kernel)
    strides, dilations = attributes.integers("strides", ones), attributes.integers("dilations", ones)
    pads = window_pads(attributes, x.shape[2:], kernel, strides, dilations)
    padding = symmetric(pads)
    if padding is None or any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        x, padding = F.pad(x, torch_pads(pads), value=float("-inf")), [0] * len(kernel)
    return MAX_POOL[len(kernel)](x, kernel, strides, padding, dilations, bool(attributes.integer("ceil_mode", 0)))


OPS: Mapping[str, Handler] = {"MaxPool": max_pool}
