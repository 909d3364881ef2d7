"""The trainable module that executes an ONNX graph with torch ops, and its way back into the graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from slsc.errors import ModelError, SlscError
from slsc.onnx_torch.constants import Array, opened, write_constants
from slsc.onnx_torch.ops.padding import window_pads
from slsc.onnx_torch.steps import Step, build_steps
from slsc.onnx_torch.weights import host_names, source, weight_names
from slsc.passes.graph import declared_shape, opset

Environment = dict[str, Tensor]
"""Live values during a run, by ONNX value name."""


@dataclass(frozen=True)
class ConvStep:
    """A Conv whose weight is a parameter of the module.

    Attributes:
        step: the step; its input is `step.inputs[0]`, its output `step.outputs[0]`.
        weight: the weight's parameter name, shape (out channels, in channels / groups, *kernel).
        bias: the bias' parameter name, or None.
        strides, dilations: one per spatial axis.
        pads: ONNX order, all begins then all ends. SAME_* is resolved for sizes divisible by the stride.
        groups: convolution groups.
    """

    step: Step
    weight: str
    bias: str | None
    strides: tuple[int, ...]
    pads: tuple[int, ...]
    dilations: tuple[int, ...]
    groups: int


class OnnxModule(nn.Module):
    """Executes an ONNX graph with torch ops; its weights are parameters under their initializers' names.

    Weights of float16 or of dequantized integers are held in float32, and float16 arithmetic is done in it, so that
    training does not stall on rounding; `write_back` rounds to what the initializer holds. BatchNormalization and
    Dropout always run as in inference. Integers and single numbers stay on the CPU wherever the module is moved, as
    shape arithmetic belongs there.

    Args:
        model: one input and one output besides the initializers; external data loaded in.

    Attributes:
        one_by_one: whether the graph is written for one image.

    Raises:
        ModelError: several inputs or outputs, or something in the graph that cannot be executed, by node name.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        super().__init__()
        graph, constants = opened(model)
        self.input_name = _only([i.name for i in graph.input if i.name not in constants], "input")
        self.output_name = _only([o.name for o in graph.output], "output")
        self.one_by_one = declared_shape(model, self.input_name)[:1] == (1,)
        self.steps = build_steps(graph, constants, opset(model))
        self._producers = {name: step for step in self.steps for name in step.outputs if name}
        trained, on_host = weight_names(self.steps, constants), host_names(self.steps)
        self._fixed: dict[str, Tensor] = {}
        self._attributes: dict[str, str] = {}
        for name, array in constants.items():
            self._hold(name, array, trainable=name in trained, on_host=name in on_host)

    def start(self, x: Tensor) -> Environment:
        """The environment in which the first step finds the image `x`, (B, C, H, W) in the network's value range."""
        return {self.input_name: x}

    def execute(self, step: Step, env: Environment) -> None:
        """Run one step: read its inputs from `env`, write its outputs, drop the values nobody reads any more.

        Raises:
            ModelError: torch refuses the values, such as an image too small for the network; names the node.
        """
        inputs = [self._value(name, env) if name else None for name in step.inputs]
        try:
            result = step.handler(step.attributes, inputs)
        except SlscError:
            raise
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            raise ModelError("could not be executed", where=step.attributes.where, why=str(error)) from error
        outputs = result if isinstance(result, tuple) else (result,)
        env.update(zip(step.outputs, outputs, strict=False))
        for name in step.last_uses:
            env.pop(name, None)

    def forward(self, x: Tensor, weights: Mapping[str, Tensor] | None = None) -> Tensor:
        """The network's output for the image `x`, (B, C, H, W) in the network's value range.

        The images of a batch go through one after the other where the graph is written for one.

        Args:
            x: see above.
            weights: tensors to use in place of the parameters of these names.
        """
        if self.one_by_one and len(x) > 1:
            return torch.cat([self.forward(image[None], weights) for image in x])
        env = {**self.start(x), **(weights or {})}
        for step in self.steps:
            self.execute(step, env)
        return env[self.output_name]

    def parameter(self, name: str) -> nn.Parameter:
        """The parameter made from the initializer (or Constant node's output) `name`; KeyError if it is none."""
        parameter = self._parameters[self._attributes[name]]
        assert isinstance(parameter, nn.Parameter)
        return parameter

    def parameter_names(self) -> tuple[str, ...]:
        """Initializer names of all parameters, in the graph's order."""
        return tuple(name for name, attribute in self._attributes.items() if attribute in self._parameters)

    def conv_steps(self) -> tuple[ConvStep, ...]:
        """The Conv steps whose weight is a parameter, directly or through type changes, in the graph's order."""
        convs = (self._conv_step(step) for step in self.steps if step.op_type == "Conv")
        return tuple(conv for conv in convs if conv is not None)

    def write_back(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """A copy of `model` (the one this module was made from) with the current weights, nothing else changed.

        Raises:
            ModelError: the model lacks a weight of this name and shape, or a value overflows the initializer's dtype.
        """
        names = self.parameter_names()
        return write_constants(model, {name: self.parameter(name).detach().cpu().numpy() for name in names})

    def _hold(self, name: str, array: Array, *, trainable: bool, on_host: bool) -> None:
        tensor = torch.from_numpy(np.array(array, dtype=_held_dtype(array)))
        if not trainable and (on_host or tensor.numel() == 1 or not tensor.is_floating_point()):
            self._fixed[name] = tensor
            return
        attribute = self._attributes[name] = _attribute(name)
        if trainable:
            self.register_parameter(attribute, nn.Parameter(tensor))
        else:
            self.register_buffer(attribute, tensor)

    def _value(self, name: str, env: Environment) -> Tensor:
        value = env.get(name)
        if value is None:
            value = self._fixed.get(name)
        return getattr(self, self._attributes[name]) if value is None else value

    def _conv_step(self, step: Step) -> ConvStep | None:
        weight = source(step.inputs[1], self._producers)
        if self._attributes.get(weight) not in self._parameters:
            return None
        kernel = tuple(self.parameter(weight).shape[2:])
        attributes, ones = step.attributes, [1] * len(kernel)
        strides, dilations = attributes.integers("strides", ones), attributes.integers("dilations", ones)
        pads = window_pads(attributes, strides, kernel, strides, dilations)
        bias = source(step.inputs[2], self._producers) if len(step.inputs) > 2 and step.inputs[2] else None
        groups = attributes.integer("group", 1)
        return ConvStep(step, weight, bias, tuple(strides), tuple(pads), tuple(dilations), groups)


def _attribute(name: str) -> str:
    """Attribute of the module that holds constant `name`: torch takes no dots, and the prefix keeps methods safe."""
    return "onnx:" + name.replace("%", "%25").replace(".", "%2E")


def _held_dtype(array: Array) -> np.dtype[np.generic]:
    narrow = array.dtype == np.float16 or array.dtype.name == "bfloat16"
    return np.dtype(np.float32) if narrow else array.dtype


def _only(names: Iterable[str], kind: str) -> str:
    names = list(names)
    if len(names) != 1:
        listed = ", ".join(names) or "none"
        raise ModelError(
            f"needs exactly one {kind}", where="graph", why=f"it has {listed}", hint="cut the graph to one"
        )
    return names[0]
