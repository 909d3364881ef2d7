"""Pooling over windows and over the whole image, and reductions over axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from slsc.onnx_torch.attributes import Attributes, Handler, Inputs
from slsc.onnx_torch.ops.padding import pool_pads, symmetric, torch_pads
from slsc.onnx_torch.ops.shape import axes_of

MAX_POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVERAGE_POOL = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def max_pool(attributes: Attributes, inputs: Inputs) -> Tensor:
    """MaxPool without the indices output."""
    x, kernel = inputs[0], attributes.integers("kernel_shape")
    if attributes.outputs > 1:
        raise attributes.refuse("its indices output is not supported")
    ones = [1] * len(kernel)
    strides, dilations = attributes.integers("strides", ones), attributes.integers("dilations", ones)
    pads, overhang = pool_pads(attributes, x.shape[2:], kernel, strides, dilations)
    pads = [pad + extra for pad, extra in zip(pads, overhang, strict=True)]
    padding = symmetric(pads)
    if padding is None or any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        x, padding = F.pad(x, torch_pads(pads), value=float("-inf")), [0] * len(kernel)
    return MAX_POOL[len(kernel)](x, kernel, strides, padding, dilations)


def average_pool(attributes: Attributes, inputs: Inputs) -> Tensor:
    """AveragePool. The window's mean over padded zeros is divided by the counted share of the window."""
    x, kernel = inputs[0], attributes.integers("kernel_shape")
    ones = [1] * len(kernel)
    if attributes.integers("dilations", ones) != ones:
        raise attributes.refuse("a dilated average is not supported")
    strides, pool = attributes.integers("strides", ones), AVERAGE_POOL[len(kernel)]
    pads, overhang = pool_pads(attributes, x.shape[2:], kernel, strides, ones)
    if not any(pads) and not any(overhang):
        return pool(x, kernel, strides)
    inner, outer = torch_pads(pads), torch_pads(overhang)
    counted = F.pad(x.new_ones(1, 1, *x.shape[2:]), inner, value=attributes.integer("count_include_pad", 0))
    return pool(F.pad(F.pad(x, inner), outer), kernel, strides) / pool(F.pad(counted, outer), kernel, strides)


def global_pool(function: Callable[..., Tensor]) -> Handler:
    """A reduction over all spatial axes, kept with size 1."""
    return lambda attributes, inputs: function(inputs[0], tuple(range(2, inputs[0].ndim)), keepdim=True)


def reduction(function: Callable[..., Tensor]) -> Handler:
    """A reduction over the axes given as attribute or input, or over all."""

    def handler(attributes: Attributes, inputs: Inputs) -> Tensor:
        axes = axes_of(attributes, inputs, 1)
        if not axes and attributes.integer("noop_with_empty_axes", 0):
            return inputs[0]
        every = tuple(range(inputs[0].ndim))
        return function(inputs[0], tuple(axes or every), keepdim=bool(attributes.integer("keepdims", 1)))

    return handler


def product(x: Tensor, axes: tuple[int, ...], keepdim: bool) -> Tensor:
    """Product over several axes; torch has it over one only."""
    for axis in sorted((axis % x.ndim for axis in axes), reverse=True):
        x = x.prod(axis, keepdim=keepdim)
    return x


OPS: Mapping[str, Handler] = {
    "AveragePool": average_pool,
    "GlobalAveragePool": global_pool(torch.mean),
    "GlobalMaxPool": global_pool(torch.amax),
    "MaxPool": max_pool,
    "ReduceL1": reduction(lambda x, axes, keepdim: x.abs().sum(axes, keepdim=keepdim)),
    "ReduceL2": reduction(lambda x, axes, keepdim: torch.linalg.vector_norm(x, dim=axes, keepdim=keepdim)),
    "ReduceLogSumExp": reduction(torch.logsumexp),
    "ReduceMax": reduction(torch.amax),
    "ReduceMean": reduction(torch.mean),
    "ReduceMin": reduction(torch.amin),
    "ReduceProd": reduction(product),
    "ReduceSum": reduction(torch.sum),
    "ReduceSumSquare": reduction(lambda x, axes, keepdim: x.square().sum(axes, keepdim=keepdim)),
}
