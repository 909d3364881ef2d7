"""What becomes of a convolution's output before anything else reads it: the activation behind it.

An error that a rectifier cuts off, or makes a twentieth of, is none to spend weights on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from slsc.onnx_torch import OnnxModule
from slsc.onnx_torch.steps import Step

Response = Callable[[Tensor], Tensor]
"""An elementwise function."""

ELEMENTWISE = ("Relu", "LeakyRelu", "Elu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Softplus")
"""Operations of one input whose every output depends on one value."""

_SAME = 1e-12


def responses_of(module: OnnxModule) -> dict[str, Response]:
    """By value name: the activation that alone reads it; x * sigmoid(x), as SiLU is exported, counts as one.

    Of a value that only goes into a sum, it is the sum's.
    """
    readers: dict[str, list[Step]] = {}
    for step in module.steps:
        for name in dict.fromkeys(step.inputs):
            readers.setdefault(name, []).append(step)
    found: dict[str, Response] = {}
    for name, using in readers.items():
        summed = using[0].outputs[0] if len(using) == 1 and using[0].op_type == "Add" else name
        response = _response(summed, readers.get(summed, ()), readers)
        if response is not None:
            found[name] = response
    return found


def importance(response: Response, found: Tensor, wanted: Tensor) -> Tensor:
    """What share of a squared error is left behind the response, 1 at most; scaled so that the largest is 1.

    Args:
        response: the activation.
        found: its inputs as they are.
        wanted: as they should be; of the same shape.
    """
    difference = found - wanted
    apart = difference.abs() > _SAME
    behind = response(found) - response(wanted)
    share = torch.where(apart, behind / torch.where(apart, difference, 1.0), 0.0).square()
    return share / share.max().clamp(min=_SAME)


def _response(name: str, using: Sequence[Step], readers: Mapping[str, Sequence[Step]]) -> Response | None:
    if len(using) == 1 and using[0].op_type in ELEMENTWISE:
        step = using[0]
        return lambda values: _only(step.handler(step.attributes, [values]))
    by_type = {step.op_type: step for step in using}
    if len(using) == 2 and by_type.keys() == {"Sigmoid", "Mul"}:
        gate = by_type["Sigmoid"].outputs[0]
        if set(by_type["Mul"].inputs) == {name, gate} and len(readers.get(gate, ())) == 1:
            return torch.nn.functional.silu
    return None


def _only(result: Tensor | tuple[Tensor, ...]) -> Tensor:
    return result[0] if isinstance(result, tuple) else result
