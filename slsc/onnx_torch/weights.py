"""Which constants of a graph are weights: those that training may change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from slsc.errors import ModelError
from slsc.onnx_torch.constants import Array
from slsc.onnx_torch.steps import Step

WEIGHT_INPUTS = {
    "Conv": (1, 2),
    "ConvTranspose": (1, 2),
    "Gemm": (0, 1, 2),
    "MatMul": (0, 1),
    "PRelu": (1,),
    "BatchNormalization": (1, 2),
    "InstanceNormalization": (1, 2),
    "LayerNormalization": (1, 2),
    "GroupNormalization": (1, 2),
    "Mul": (0, 1),
    "Add": (0, 1),
    "Sub": (0, 1),
    "Div": (0, 1),
}
"""Input positions that hold weights."""

STATISTICS = {"BatchNormalization": (3, 4)}
"""Input positions that must stay as they are, also where an exporter shares one tensor of ones with a weight."""

ARITHMETIC = {"Mul", "Add", "Sub", "Div"}
"""Ops whose single-element constants are part of the formula (x / 255, 0.1 * x), not weights."""

HOST_INPUTS = {"Clip": (1, 2), "Pad": (1, 2, 3), "Resize": (1, 2, 3), "Upsample": (1,)}
"""Input positions whose values are read as numbers and thus belong on the CPU."""

FIXED_WEIGHT = {"Conv", "ConvTranspose"}
"""Ops whose weight and bias must not depend on the image."""

ALIASES = {"Identity", "Cast", "QuantizeLinear", "DequantizeLinear"}
"""Ops that pass a weight on, at most rounded; casts between float types change nothing, as all is float32 here."""


def source(name: str, producers: Mapping[str, Step]) -> str:
    """The name under which value `name` began, seen through `ALIASES`."""
    while name in producers and producers[name].op_type in ALIASES:
        name = producers[name].inputs[0]
    return name


def weight_names(steps: Sequence[Step], constants: Mapping[str, Array]) -> set[str]:
    """Names of the float constants that reach a weight input, directly or through steps that read constants only.

    Raises:
        ModelError: a convolution's weight or bias depends on the image.
    """
    origins: dict[str, set[str]] = {name: {name} for name in constants}
    names: set[str] = set()
    fixed: set[str] = set()
    for step in steps:
        used = [name for name in step.inputs if name]
        if all(name in origins for name in used):
            carried = used[:1] if step.op_type in ALIASES else used  # scales and zero points are no weights
            origins.update({output: set().union(*(origins[name] for name in carried)) for output in step.outputs})
        _refuse_computed(step, origins)
        found = _origins_at(step, WEIGHT_INPUTS, origins)
        names |= _trainable(found, constants, smallest=2 if step.op_type in ARITHMETIC else 1)
        fixed |= _origins_at(step, STATISTICS, origins)
    return names - fixed


def host_names(steps: Sequence[Step]) -> set[str]:
    """Names of the values that some step reads as numbers."""
    return {name for step in steps for i, name in enumerate(step.inputs) if i in HOST_INPUTS.get(step.op_type, ())}


def _origins_at(step: Step, positions: Mapping[str, tuple[int, ...]], origins: Mapping[str, set[str]]) -> set[str]:
    """The constants that reach the inputs of `step` at `positions`."""
    names = [step.inputs[i] for i in positions.get(step.op_type, ()) if i < len(step.inputs)]
    return set().union(*(origins.get(name, set()) for name in names))


def _refuse_computed(step: Step, origins: Mapping[str, set[str]]) -> None:
    computed = [name for name in step.inputs[1:] if name and name not in origins]
    if step.op_type in FIXED_WEIGHT and computed:
        raise ModelError(
            f"its weight {computed[0]!r} is computed from the image",
            where=step.attributes.where,
            why="slsc compiles weights that are the same for every image",
            hint="export a network with constant weights",
        )


def _trainable(found: Iterable[str], constants: Mapping[str, Array], smallest: int) -> set[str]:
    return {name for name in found if _is_float(constants[name]) and constants[name].size >= smallest}


def _is_float(array: Array) -> bool:
    return np.issubdtype(array.dtype, np.floating) or array.dtype.name == "bfloat16"
