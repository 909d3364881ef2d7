"""Resampling."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

from slsc.onnx_torch.attributes import Attributes, Handler, Inputs


def resize(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Resize."""
    x, mode = inputs[0], attributes.text("mode", "nearest")
    coordinates = attributes.text("coordinate_transformation_mode", "half_pixel")
    sizes = inputs[3] if len(inputs) > 3 else None
    size = [round(n * s) for n, s in zip(x.shape, inputs[2].tolist(), strict=True)] if sizes is None else sizes.tolist()
    if mode == "linear" and coordinates in ("half_pixel", "pytorch_half_pixel", "align_corners"):
        return F.interpolate(x, size[2:], mode="bilinear", align_corners=coordinates == "align_corners")
    raise attributes.refuse(f"mode {mode}, {coordinates}")


OPS: Mapping[str, Handler] = {"Resize": resize}
