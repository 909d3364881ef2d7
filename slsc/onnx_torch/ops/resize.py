"""Resampling: Resize of every opset, the older Upsample, and GridSample.

Each axis is resampled on its own: an output element is a weighted sum of a few taps along the axis (ONNX operator
specification, Resize). Where torch has the same thing in one call, that call is used.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from slsc.onnx_torch.attributes import Attributes, Handler, Inputs
from slsc.onnx_torch.ops.elementwise import aligned
from slsc.onnx_torch.ops.taps import AxisResize, Sampling, taps

TORCH_MODES = {"linear": "bilinear", "cubic": "bicubic"}
TORCH_NEAREST = {("asymmetric", "floor"), ("asymmetric", "simple"), ("half_pixel", "round_prefer_floor")}
CORNERS = {"half_pixel": False, "pytorch_half_pixel": False, "align_corners": True}


def resize(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Resize and Upsample: nearest, linear and cubic."""
    x, axes = inputs[0], _axes(attributes, inputs)
    sampling = _sampling(attributes)
    axes = {axis: size for axis, size in axes.items() if size.changes}
    if _is_one_torch_call(x, axes, sampling):
        size = [axes[axis].length_out if axis in axes else x.shape[axis] for axis in (2, 3)]
        if sampling.mode == "nearest":
            return F.interpolate(x, size, mode="nearest")
        return F.interpolate(x, size, mode=TORCH_MODES[sampling.mode], align_corners=CORNERS[sampling.coordinates])
    for axis, resized in axes.items():
        x = _along_axis(x, axis, resized, sampling)
    return x


def grid_sample(attributes: Attributes, inputs: Inputs) -> Tensor:
    """GridSample; opset 20 renamed the modes."""
    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(text := attributes.text("mode", "bilinear"), text)
    padding = attributes.text("padding_mode", "zeros")
    corners = bool(attributes.integer("align_corners", 0))
    x, grid = aligned(*inputs)
    return F.grid_sample(x, grid, mode=mode, padding_mode=padding, align_corners=corners)


def _sampling(attributes: Attributes) -> Sampling:
    old = attributes.opset < 11
    if attributes.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise attributes.refuse("keep_aspect_ratio_policy is not supported")
    coordinates = attributes.text("coordinate_transformation_mode", "asymmetric" if old else "half_pixel")
    if coordinates == "tf_crop_and_resize":
        raise attributes.refuse("coordinate_transformation_mode tf_crop_and_resize is not supported")
    return Sampling(
        mode=attributes.text("mode", "nearest").replace("bilinear", "linear"),
        coordinates=coordinates,
        nearest=attributes.text("nearest_mode", "simple" if old else "round_prefer_floor"),
        cubic_a=attributes.real("cubic_coeff_a", -0.75),
        exclude_outside=bool(attributes.integer("exclude_outside", 0)),
        antialias=bool(attributes.integer("antialias", 0)),
    )


def _axes(attributes: Attributes, inputs: Inputs) -> dict[int, AxisResize]:
    """Axis to its resize, from scales or sizes wherever this opset keeps them."""
    x, sizes = inputs[0], None
    if attributes.opset >= 11:
        scales, sizes = (*inputs[2:], None, None)[:2]
    else:
        scales = inputs[1] if len(inputs) > 1 else torch.tensor(attributes.values["scales"])
    names = [axis % x.ndim for axis in attributes.integers("axes", range(x.ndim))]
    if sizes is not None and sizes.numel():
        return {a: AxisResize(x.shape[a], n, n / x.shape[a]) for a, n in zip(names, sizes.tolist(), strict=True)}
    # Lengths are rounded down in float32, as ONNX Runtime does.
    found = zip(names, scales.tolist(), strict=True)
    return {a: AxisResize(x.shape[a], int(np.float32(scale) * np.float32(x.shape[a])), scale) for a, scale in found}


def _is_one_torch_call(x: Tensor, axes: Mapping[int, AxisResize], sampling: Sampling) -> bool:
    """Whether `F.interpolate` gives the same over the last two axes of an image batch."""
    if x.ndim != 4 or not set(axes) <= {2, 3} or sampling.antialias or sampling.exclude_outside:
        return False
    if not all(size.is_ratio for size in axes.values()):
        return False
    if sampling.mode == "nearest":
        kind = (sampling.coordinates, sampling.nearest)
        whole = all(size.scale == round(size.scale) > 0 for size in axes.values())
        return whole and kind in TORCH_NEAREST
    if sampling.mode == "cubic" and sampling.cubic_a != -0.75:
        return False
    single = any(size.length_out == 1 for size in axes.values())
    return sampling.coordinates in CORNERS and not single


def _along_axis(x: Tensor, axis: int, size: AxisResize, sampling: Sampling) -> Tensor:
    """Resample one axis by its taps."""
    places, weights = taps(size, sampling)
    shape = [1] * x.ndim
    shape[axis] = size.length_out
    result: Tensor | None = None
    for place, weight in zip(places, weights, strict=True):
        part = x.index_select(axis, torch.from_numpy(place).to(x.device))
        if sampling.mode != "nearest":
            part = part * torch.from_numpy(weight).to(x).reshape(shape)
        result = part if result is None else result + part
    assert result is not None
    return result


OPS: Mapping[str, Handler] = {"GridSample": grid_sample, "Resize": resize, "Upsample": resize}
