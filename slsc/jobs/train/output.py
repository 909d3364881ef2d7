"""The files a training run ends with."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import torch
from torch import nn

from slsc.passes.bake import BakeMasks
from slsc.passes.base import PassContext
from slsc.passes.graph import initializers
from slsc.passes.pipeline import Pipeline
from slsc.plan import Plan
from slsc.runtime.atomic import staged
from slsc.search.base import SearchResult
from slsc.zoo import zoo_model


def baked(dense: onnx.ModelProto, found: SearchResult) -> onnx.ModelProto:
    """The network with what was found in it, checked against the plan.

    Raises:
        PlanError: a weight is not finite, or plan and network do not fit.
    """
    return Pipeline([BakeMasks(found.plan, found.weights, found.masks)]).run(found.model or dense, PassContext()).model


def write_onnx(model: onnx.ModelProto, path: Path) -> None:
    """Write a network, whole or not at all."""
    with staged(path) as (stream, _):
        stream.write(model.SerializeToString())


def write_plan(plan: Plan, path: Path) -> None:
    """Write the N:M of every layer as JSON; `slsc compile --plan` reads it."""
    with staged(path) as (stream, _):
        stream.write(json.dumps(plan.to_dict(), indent=1).encode())


def zoo_module(arch: str, model: onnx.ModelProto) -> nn.Module:
    """The zoo network that `model` was exported from, with its weights."""
    module = zoo_model(arch).build()
    values = initializers(model)
    with torch.no_grad():
        for name, value in module.named_parameters():
            # The exporter gives slopes of PReLU axes of size 1.
            value.copy_(torch.tensor(values[name]).reshape(value.shape))
    return module
