"""Convolutions over one to three spatial axes, and matrix products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from slsc.onnx_torch.attributes import Attributes, Handler, Inputs
from slsc.onnx_torch.ops.elementwise import aligned, binary
from slsc.onnx_torch.ops.padding import symmetric, torch_pads, window_pads

CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
CONV_TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


def conv(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Conv: grouped, dilated, strided; unequal pads are applied beforehand."""
    x, weight, bias = (*inputs, None)[:3]
    kernel = weight.shape[2:]
    ones = [1] * len(kernel)
    strides, dilations = attributes.integers("strides", ones), attributes.integers("dilations", ones)
    pads = window_pads(attributes, x.shape[2:], kernel, strides, dilations)
    padding = symmetric(pads)
    if padding is None:
        x, padding = F.pad(x, torch_pads(pads)), [0] * len(kernel)
    return CONV[len(kernel)](x, weight, bias, strides, padding, dilations, attributes.integer("group", 1))


def conv_transpose(attributes: Attributes, inputs: Inputs) -> Tensor:
    """ConvTranspose; unequal pads are cropped off the unpadded result."""
    x, weight, bias = (*inputs, None)[:3]
    kernel = weight.shape[2:]
    ones = [1] * len(kernel)
    strides, dilations = attributes.integers("strides", ones), attributes.integers("dilations", ones)
    extra = attributes.integers("output_padding", [0] * len(kernel))
    groups = attributes.integer("group", 1)
    zipped = zip(x.shape[2:], kernel, strides, dilations, extra, strict=True)
    full = [s * (n - 1) + (k - 1) * d + 1 + e for n, k, s, d, e in zipped]
    pads = _transpose_pads(attributes, full, [n * s for n, s in zip(x.shape[2:], strides, strict=True)])
    padding = symmetric(pads)
    function = CONV_TRANSPOSE[len(kernel)]
    if padding is not None:
        return function(x, weight, bias, strides, padding, extra, groups, dilations)
    y = function(x, weight, bias, strides, 0, extra, groups, dilations)
    return F.pad(y, [-pad for pad in torch_pads(pads)])


def _transpose_pads(attributes: Attributes, full: Sequence[int], same: Sequence[int]) -> list[int]:
    """Pads in ONNX order, from the unpadded output size `full` where an output size is asked for."""
    mode = attributes.text("auto_pad", "NOTSET")
    wanted = attributes.integers("output_shape")[-len(full) :] or (list(same) if mode.startswith("SAME") else [])
    if not wanted:
        return [0] * (2 * len(full)) if mode == "VALID" else attributes.integers("pads", [0] * (2 * len(full)))
    totals = [max(0, f - w) for f, w in zip(full, wanted, strict=True)]
    small, large = [total // 2 for total in totals], [total - total // 2 for total in totals]
    return small + large if mode == "SAME_UPPER" else large + small


def gemm(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Gemm: alpha * A @ B + beta * C."""
    a, b, c = (*inputs, None)[:3]
    a = a.t() if attributes.integer("transA", 0) else a
    b = b.t() if attributes.integer("transB", 0) else b
    alpha, beta = attributes.real("alpha", 1.0), attributes.real("beta", 1.0)
    product = a @ b if alpha == 1 else alpha * (a @ b)
    if c is None:
        return product
    return product + (c if beta == 1 else beta * c)


def einsum(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Einsum."""
    return torch.einsum(attributes.text("equation", ""), *aligned(*inputs))


OPS: Mapping[str, Handler] = {
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Einsum": einsum,
    "Gemm": gemm,
    "MatMul": binary(torch.matmul),
}
