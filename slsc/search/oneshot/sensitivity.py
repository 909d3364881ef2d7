"""Measured sensitivity: how much the network's output suffers when one layer alone is pruned to N:M.

Every layer is eliminated through a ladder of N on its own inputs. That gives its local error at every N for free, of
large layers at every second; at a few of them the pruned layer is put into the otherwise dense network and the rise of
the output error is measured. In between, the ratio of output error to local error is interpolated, for it moves slowly
with N.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from slsc.onnx_torch import OnnxModule
from slsc.progress import StageProgress
from slsc.search.base import Rules
from slsc.search.layers import Layer, read_layer, write_layer
from slsc.search.moments import Moments
from slsc.search.oneshot.allocation import ErrorCurve
from slsc.search.oneshot.elimination import Elimination, Stage
from slsc.search.oneshot.stages import stage_counts

PROBES = (0.375, 0.125, 0.0625)
"""Shares N/M at which the output error is measured."""

_TINY = 1e-12


@torch.inference_mode()
def measure_sensitivity(
    module: OnnxModule,
    x: Tensor,
    layers: Mapping[str, Layer],
    moments: Mapping[str, Moments],
    rules: Rules,
    progress: StageProgress,
) -> dict[str, ErrorCurve]:
    """Error curve of every layer.

    Args:
        module: the dense network; its weights are exchanged during the call and back at its end.
        x: (B, C, H, W) inputs in the network's range.
        layers: the prunable layers by name, in the order of their first use.
        moments: of each layer with its own inputs and outputs.
        rules: group size and mask rule.
        progress: told after each layer.

    Returns:
        By layer: mean squared rise of the network's output at each N of a ladder, 0 at N = M.
    """
    reference = module(x)
    first = {layer.uses[0].step: layer for layer in layers.values()}
    curves: dict[str, ErrorCurve] = {}
    env = module.start(x)
    for index, step in enumerate(module.steps):
        layer = first.get(step)
        if layer:
            weight, bias = read_layer(module, layer)
            elimination = Elimination(weight, bias, moments[layer.name], rules, layer.bias is not None)
            stages = elimination.ladder()
            rises = {n: _rise(module, layer, stages[n], index, env, reference) for n in _probes(rules.m, stages)}
            write_layer(module, layer, weight, bias)
            curves[layer.name] = _curve(stages, rises, rules.m)
            progress("measuring sensitivity", len(curves), len(layers))
        module.execute(step, env)
    return curves


def _probes(m: int, stages: Mapping[int, Stage]) -> list[int]:
    """The N of the ladder nearest to each share of `PROBES`, ascending."""
    return sorted({min(stages, key=lambda n: abs(n - share * m)) for share in PROBES})


def _rise(
    module: OnnxModule, layer: Layer, stage: Stage, index: int, env: Mapping[str, Tensor], reference: Tensor
) -> float:
    """Mean squared change of the output with `stage` in the layer's place, running on from step `index`."""
    write_layer(module, layer, stage.weight, stage.bias)
    branch = dict(env)
    for step in module.steps[index:]:
        module.execute(step, branch)
    return float((branch[module.output_name] - reference).square().mean())


def _curve(stages: Mapping[int, Stage], rises: Mapping[int, float], m: int) -> ErrorCurve:
    probes = sorted(rises)
    counts, known = stage_counts(m, 1), sorted(stages)
    local = np.interp(np.log(counts), np.log(known), [np.log(max(stages[n].error, _TINY)) for n in known])
    ratios = [np.log(max(rises[n], _TINY) / max(stages[n].error, _TINY)) for n in probes]
    rise = np.exp(local + np.interp(np.log(counts), np.log(probes), ratios))
    return {**dict(zip(counts, rise.tolist(), strict=True)), m: 0.0}
