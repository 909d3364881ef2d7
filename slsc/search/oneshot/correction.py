"""Sequential pruning: front to back, each layer fitted to undo what the pruning before it did.

Two copies of the network run in lockstep over the calibration inputs, one dense and one pruned so far. A layer's
inputs are taken from the pruned copy, its targets from the dense one. Where a convolution feeds an addition whose other
operand is known by then, the target is what the *sum* should be less what the operand has become, so that a residual
branch also mends the trunk it is added to. Layers that stay dense are fitted as well.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from slsc.onnx_torch import OnnxModule
from slsc.progress import StageProgress
from slsc.search.base import Rules
from slsc.search.layers import Layer, fixed_bias, layers_of, read_layer, write_layer
from slsc.search.moments import Moments, features_at, layer_moments, sample_positions
from slsc.search.oneshot.behind import Sample
from slsc.search.oneshot.elimination import Elimination
from slsc.search.oneshot.response import Response, responses_of

BEHIND_POSITIONS = 24_000
"""Output positions at which a layer's errors are weighed by what the activation leaves of them."""

BEHIND_VALUES = 1 << 25
"""Of their inputs so many are held at most."""


@torch.inference_mode()
def prune_in_sequence(
    dense: OnnxModule,
    pruned: OnnxModule,
    x: Tensor,
    keep: Mapping[str, int],
    rules: Rules,
    shared: Mapping[str, Moments],
    positions: int,
    generator: torch.Generator,
    progress: StageProgress,
) -> dict[str, np.ndarray]:
    """Prune `pruned`, a copy of `dense`, in place.

    Args:
        dense: the network before.
        pruned: its copy, changed in place.
        x: (B, C, H, W) inputs in the network's range.
        keep: N of every prunable layer; other convolutions are only fitted.
        rules: group size and mask rule.
        shared: moments of the weights that several nodes share. These are fitted once, on their dense inputs, because
            the pruned inputs of a later use depend on them.
        positions: output positions sampled per layer.
        generator: draws them.
        progress: told after each layer.

    Returns:
        Masks by layer, for the layers in `keep`.
    """
    first = {layer.uses[0].step: layer for layer in layers_of(dense).values()}
    sums, responses = sums_of(dense), responses_of(dense)
    masks: dict[str, np.ndarray] = {}
    clean, dirty = dense.start(x), pruned.start(x)
    for done, step in enumerate(dense.steps):
        layer, before = first.get(step), clean.get(step.inputs[0])
        dense.execute(step, clean)
        if layer and (layer.name in keep or _worth_fitting(layer, before, dirty)):
            inputs, target = dirty[step.inputs[0]], target_of(step.outputs[0], sums, clean, dirty)
            moments = shared.get(layer.name) or layer_moments(dense, layer, inputs, target, positions, generator)
            weight, bias = read_layer(dense, layer)
            elimination = Elimination(weight, bias, moments, rules, layer.bias is not None)
            stage = elimination.last(keep.get(layer.name, rules.m))
            response = responses.get(step.outputs[0])
            if response is not None and layer.name not in shared:
                operand = _operand(step.outputs[0], sums, clean, dirty)
                if operand is not None or step.outputs[0] not in sums:
                    added = 0.0 if operand is None else dirty[operand]
                    sample = _sample(dense, layer, inputs, target, added, response, generator)
                    stage = elimination.behind(stage, sample)
            write_layer(pruned, layer, stage.weight, stage.bias)
            if layer.name in keep:
                masks[layer.name] = stage.mask
        pruned.execute(step, dirty)
        progress("pruning", done + 1, len(dense.steps))
    return masks


def _sample(
    module: OnnxModule,
    layer: Layer,
    inputs: Tensor,
    target: Tensor,
    added: Tensor | float,
    response: Response,
    generator: torch.Generator,
) -> Sample:
    """Positions of a layer's output at which errors are weighed; `added` is what else goes into the response."""
    conv, shape = layer.uses[0], module.parameter(layer.name).shape
    fixed = fixed_bias(module, conv, layer)
    count = min(BEHIND_POSITIONS, BEHIND_VALUES // (shape[1] * shape[2] * shape[3] * conv.groups))
    columns = sample_positions(len(target), target.shape[2] * target.shape[3], count, generator)

    def at(values: Tensor) -> Tensor:
        return torch.cat([plane.flatten(1)[:, picks] for plane, picks in zip(values, columns, strict=True)], 1)

    kernel = (shape[2], shape[3])
    features = [features_at(conv, kernel, image, picks) for image, picks in zip(inputs, columns, strict=True)]
    return Sample(torch.cat(features, 2), at(target - fixed), at((added + fixed) + torch.zeros_like(target)), response)


def _worth_fitting(layer: Layer, before: Tensor | None, dirty: Mapping[str, Tensor]) -> bool:
    """Whether a layer that stays dense sees inputs that pruning has changed, and is fitted for one use only."""
    after = dirty.get(layer.uses[0].step.inputs[0])
    return len(layer.uses) == 1 and before is not None and after is not None and not torch.equal(before, after)


def sums_of(module: OnnxModule) -> dict[str, str]:
    """By value name: the other operand of the addition that alone consumes it."""
    readers: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for step in module.steps:
        for name in step.inputs:
            readers.setdefault(name, []).append((step.op_type, step.inputs))
    return {
        name: (set(using[0][1]) - {name}).pop()
        for name, using in readers.items()
        if len(using) == 1 and using[0][0] == "Add" and len(set(using[0][1])) == 2
    }


def target_of(output: str, sums: Mapping[str, str], clean: Mapping[str, Tensor], dirty: Mapping[str, Tensor]) -> Tensor:
    """What a layer's `output` should be: its clean value, and where that is added to something, what mends the sum.

    Args:
        output: name of the value.
        sums: as `sums_of` gives it.
        clean: values of the network as it was, by name.
        dirty: values of its changed copy.
    """
    operand = _operand(output, sums, clean, dirty)
    return clean[output] if operand is None else clean[output] + clean[operand] - dirty[operand]


def _operand(
    output: str, sums: Mapping[str, str], clean: Mapping[str, Tensor], dirty: Mapping[str, Tensor]
) -> str | None:
    """What is added to a layer's output, where that is known by then and of its shape."""
    operand = sums.get(output)
    if operand is None or operand not in clean or operand not in dirty:
        return None
    return operand if clean[operand].shape == clean[output].shape else None
