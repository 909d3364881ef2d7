"""Normalisation, as in inference."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from slsc.onnx_torch.attributes import Attributes, Handler, Inputs


def batch_norm(attributes: Attributes, inputs: Inputs) -> Tensor:
    """BatchNormalization with the stored statistics."""
    if attributes.integer("training_mode", 0):
        raise attributes.refuse("it is in training mode", "export the model after model.eval()")
    x = inputs[0]
    scale, bias, running_mean, running_var = (value.to(x.device) for value in inputs[1:])
    return F.batch_norm(x, running_mean, running_var, scale, bias, eps=attributes.real("epsilon", 1e-5))


def instance_norm(attributes: Attributes, inputs: Inputs) -> Tensor:
    """InstanceNormalization."""
    return F.instance_norm(inputs[0], weight=inputs[1], bias=inputs[2], eps=attributes.real("epsilon", 1e-5))


def layer_norm(attributes: Attributes, inputs: Inputs) -> Tensor:
    """LayerNormalization over all axes from the given one on."""
    x, scale, bias = (*inputs, None)[:3]
    if attributes.outputs > 1:
        raise attributes.refuse("its mean and deviation outputs are not supported")
    axes = x.shape[attributes.integer("axis", -1) :]
    y = F.layer_norm(x, axes, eps=attributes.real("epsilon", 1e-5)) * scale
    return y if bias is None else y + bias


def group_norm(attributes: Attributes, inputs: Inputs) -> Tensor:
    """GroupNormalization: scale and bias are per group up to opset 20, per channel since."""
    x, scale, bias = inputs
    groups = attributes.integer("num_groups", 1)
    if attributes.opset < 21:
        scale, bias = (torch.repeat_interleave(value, x.shape[1] // groups) for value in (scale, bias))
    return F.group_norm(x, groups, scale, bias, attributes.real("epsilon", 1e-5))


def lp_normalization(attributes: Attributes, inputs: Inputs) -> Tensor:
    """LpNormalization: divided by the length along an axis; nothing stays nothing."""
    x, axis = inputs[0], attributes.integer("axis", -1)
    length = torch.linalg.vector_norm(x, attributes.integer("p", 2), axis, keepdim=True)
    return x / torch.where(length == 0, torch.ones_like(length), length)


def local_response(attributes: Attributes, inputs: Inputs) -> Tensor:
    """LRN across neighbouring channels."""
    alpha, beta, bias = (attributes.real(*each) for each in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0)))
    return F.local_response_norm(inputs[0], attributes.integer("size", 1), alpha, beta, bias)


OPS: Mapping[str, Handler] = {
    "BatchNormalization": batch_norm,
    "GroupNormalization": group_norm,
    "InstanceNormalization": instance_norm,
    "LRN": local_response,
    "LayerNormalization": layer_norm,
    "LpNormalization": lp_normalization,
}
