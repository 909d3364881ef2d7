"""Products of a tensor and a gate, which is made of it.

1. Sigmoid(x) * x -> Silu(x), and HardSigmoid(x) * x with slope 1/6 and offset 1/2 -> HardSwish(x).
2. (conv + x) * (Sigmoid(conv) + b), as SPAN has it -> a convolution that does all of that to its sums.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import MutableMapping
from dataclasses import replace

import numpy as np

from slsc.passes.lowering.nmp_ops import Act, BinaryKind, Combine, Spread
from slsc.passes.lowering.steps import Activation, Binary, Conv, Step, Unary


def gated(step: Step, made: MutableMapping[str, Step], uses: Counter[str]) -> Step:
    """One step for a product and what makes its gate, where there is one; else the product.

    Args:
        step: any.
        made: the steps before it, by what they make; those that are taken in are taken out.
        uses: how often each tensor is read.
    """
    if not isinstance(step, Binary) or step.kind != BinaryKind.MUL or step.spread != Spread.SAME or step.act:
        return step
    for source, gate in (step.inputs, step.inputs[::-1]):
        fused = _activation(step, source, gate, made, uses) or _gated_sum(step, source, gate, made, uses)
        if fused is not None:
            return fused
    return step


def _activation(
    step: Step, source: str, name: str, made: MutableMapping[str, Step], uses: Counter[str]
) -> Unary | None:
    """Rule 1."""
    gate = made.get(name)
    if not isinstance(gate, Unary) or gate.linear or gate.inputs != (source,) or uses[name] > 1:
        return None
    kind = _product(gate.act)
    if kind is None:
        return None
    del made[name]
    uses[source] -= 1
    return Unary(label=step.label, inputs=(source,), output=step.output, act=Activation(kind))


def _product(gate: Activation) -> Act | None:
    if gate.kind == Act.SIGMOID:
        return Act.SILU
    swish = gate.kind == Act.HARD_SIGMOID and math.isclose(gate.a, 1 / 6, rel_tol=1e-4) and gate.b == 0.5
    return Act.HARD_SWISH if swish else None


def _gated_sum(step: Step, total: str, name: str, made: MutableMapping[str, Step], uses: Counter[str]) -> Conv | None:
    """Rule 2."""
    shift, sigmoid_name = _shifted(made.get(name), name)
    sigmoid, added = made.get(sigmoid_name), made.get(total)
    if shift is None or not isinstance(sigmoid, Unary) or sigmoid.linear or sigmoid.act.kind != Act.SIGMOID:
        return None
    source = sigmoid.inputs[0]
    conv = made.get(source)
    if not isinstance(conv, Conv) or conv.act or conv.combine != Combine.NONE or conv.shuffle > 1:
        return None
    if not isinstance(added, Binary) or added.kind != BinaryKind.ADD or added.spread != Spread.SAME or added.act:
        return None
    between = {total, name, sigmoid_name}
    if added.inputs.count(source) != 1 or uses[source] != 2 or any(uses[each] > 1 for each in between):
        return None
    for each in (*between, source):
        del made[each]
    return replace(
        conv,
        inputs=(conv.inputs[0], added.inputs[1 - added.inputs.index(source)]),
        output=step.output,
        combine=Combine.ADD_TIMES_GATE,
        act=Activation(Act.SIGMOID, b=shift),
    )


def _shifted(step: Step | None, name: str) -> tuple[float | None, str]:
    """What is added to all channels of a tensor, None where it is not one number; and the tensor's name.

    0 and `name`, where `step`, which makes that, does not add.
    """
    if not isinstance(step, Unary) or step.shift is None or step.scale is not None or step.act:
        return 0.0, name
    alike = bool(np.all(step.shift == step.shift.flat[0]))
    return float(step.shift.flat[0]) if alike else None, step.inputs[0]
