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
from slsc.search.layers import Layer, layers_of, read_layer, write_layer
from slsc.search.moments import Moments, layer_moments
from slsc.search.oneshot.elimination import Elimination


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
    sums = sums_of(dense)
    masks: dict[str, np.ndarray] = {}
    clean, dirty = dense.start(x), pruned.start(x)
    for done, step in enumerate(dense.steps):
        layer, before = first.get(step), clean.get(step.inputs[0])
        dense.execute(step, clean)
        if layer and (layer.name in keep or _worth_fitting(layer, before, dirty)):
            inputs, target = dirty[step.inputs[0]], target_of(step.outputs[0], sums, clean, dirty)
            moments = shared.get(layer.name) or layer_moments(dense, layer, inputs, target, positions, generator)
            weight, bias = read_layer(dense, layer)
            stage = Elimination(weight, bias, moments, rules, layer.bias is not None).last(
                keep.get(layer.name, rules.m)
            )
            write_layer(pruned, layer, stage.weight, stage.bias)
            if layer.name in keep:
                masks[layer.name] = stage.mask
        pruned.execute(step, dirty)
        progress("pruning", done + 1, len(dense.steps))
    return masks


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
    target = clean[output]
    operand = sums.get(output)
    if operand is not None and operand in clean and operand in dirty and clean[operand].shape == target.shape:
        return target + clean[operand] - dirty[operand]
    return target
