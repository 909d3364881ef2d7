"""Training through the roundings: the weights that integers stand for learn what the dense network puts out.

Rounding has no slope, so gradients pass as if it did nothing (straight-through estimation, Bengio et al., 2013), except
where a value is clipped. Grids and scales stay as the closed form left them; weights that are zero stay zero. Layers
that are not quantized learn along.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from slsc.onnx_torch import ConvStep, OnnxModule
from slsc.passes.precision.int8 import WEIGHT_BOUND, Int8Types, RoundedWeight
from slsc.progress import StageProgress
from slsc.quantize.activations import Quantizer, channels_of
from slsc.quantize.quantizers import execute_with
from slsc.search.finetune import optimizer_of, train_on
from slsc.search.lesson import Lesson
from slsc.search.masked import stop_gradients
from slsc.trainer.recipe import DenseRecipe


def train_quantized(
    network: onnx.ModelProto, types: Int8Types, lesson: Lesson, progress: StageProgress
) -> tuple[onnx.ModelProto, Int8Types]:
    """Train on what the closed form left, and keep the better of both.

    Args:
        network: float32.
        types: its integers.
        lesson: what to learn.
        progress: told after each step.

    Returns:
        The network with the weights of its other layers trained, and the integers; those given when they are no worse
        on samples that were not trained on.

    Raises:
        SlscError: the loss stopped being finite.
    """
    inner = OnnxModule(network)
    masks = {conv.weight: inner.parameter(conv.weight).detach() != 0 for conv in inner.conv_steps()}
    optimizer = optimizer_of(inner, masks, lesson.batches, lesson.settings)
    module = QuantizedModule(inner, types, masks)
    before = lesson.loss(module)
    train_on(DenseRecipe(module), lesson, progress, "training through the roundings", "use --effort none", optimizer)
    if not lesson.loss(module) < before:  # also when it is no number
        return network, types
    return inner.write_back(network), module.types()


class QuantizedModule(nn.Module):
    """A network that computes as its integers will.

    Args:
        module: the float32 network, which becomes part of this one; its parameters are what is trained.
        types: the integers to begin with; parameters become what they stand for.
        masks: the weights of convolutions that may be other than zero.
    """

    def __init__(self, module: OnnxModule, types: Int8Types, masks: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.module, self._types = module, types
        self._uses: dict[object, ConvStep] = {
            conv.step: conv for conv in module.conv_steps() if conv.weight in types.weights
        }
        self._quantizers = {
            name: Quantizer(grid, _tensor(types.factors.get(name))) for name, grid in types.grids.items()
        }
        self._set()
        for name, mask in masks.items():
            stop_gradients(module.parameter(name), mask)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) in the network's range to the restored image, every rounding where the typed network has it."""
        module = self.module
        if module.one_by_one and len(x) > 1:
            return torch.cat([self.forward(image[None]) for image in x])
        env = {**module.start(x), **{conv.weight: self._rounded(conv) for conv in self._uses.values()}}
        given: dict[str, Tensor] = {}
        for step in module.steps:
            if step in self._uses:
                name = step.inputs[0]
                if name not in given:
                    given[name] = self._given(name, env[name])
                execute_with(module, step, env, given[name])
            else:
                module.execute(step, env)
        return env[module.output_name]

    def types(self) -> Int8Types:
        """The integers as they are now."""
        weights = {}
        for conv in self._uses.values():
            integers = self._integers(self._divided(conv).detach(), conv).cpu().numpy().astype(np.int8)
            weights[conv.weight] = RoundedWeight(integers, self._types.weights[conv.weight].scale)
        biases = {name: self.module.parameter(name).detach().cpu().numpy() for name in self._types.biases}
        return replace(self._types, weights=weights, biases=biases)

    def _set(self) -> None:
        with torch.no_grad():
            for conv in self._uses.values():
                values = torch.from_numpy(self._types.weights[conv.weight].values)
                factor = self._factor(conv)
                self.module.parameter(conv.weight).copy_(values if factor is None else values * factor)
            for name, bias in self._types.biases.items():
                self.module.parameter(name).copy_(torch.from_numpy(bias))

    def _given(self, name: str, x: Tensor) -> Tensor:
        """What convolutions are given of a tensor: its channels multiplied, and rounded."""
        quantizer = self._quantizers[name]
        factor = quantizer.factor
        scaled = x if factor is None else x * factor.to(x.device).reshape(-1, 1, 1)
        low, high = quantizer.grid.bounds
        within = scaled.clamp(low, high)
        return within + (Quantizer(quantizer.grid)(scaled.detach()) - within.detach())

    def _rounded(self, conv: ConvStep) -> Tensor:
        weight = self._divided(conv)
        rounded = self._integers(weight.detach(), conv) * self._scale(conv)
        return weight + (rounded - weight.detach())

    def _integers(self, weight: Tensor, conv: ConvStep) -> Tensor:
        return (weight / self._scale(conv)).round_().clamp_(-WEIGHT_BOUND, WEIGHT_BOUND)

    def _scale(self, conv: ConvStep) -> Tensor:
        scale = torch.from_numpy(self._types.weights[conv.weight].scale).to(self.module.parameter(conv.weight).device)
        return scale.reshape(-1, *[1] * (1 + len(conv.strides)))

    def _divided(self, conv: ConvStep) -> Tensor:
        """The weight that reads multiplied channels."""
        weight, factor = self.module.parameter(conv.weight), self._factor(conv)
        return weight if factor is None else weight / factor

    def _factor(self, conv: ConvStep) -> Tensor | None:
        factor = self._quantizers[conv.step.inputs[0]].factor
        weight = self.module.parameter(conv.weight)
        return None if factor is None else channels_of(factor.to(weight.device), weight, conv.groups)


def _tensor(values: np.ndarray | None) -> Tensor | None:
    return None if values is None else torch.from_numpy(values)
