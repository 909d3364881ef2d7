"""Steps with their places -> the plan's operations and arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from slsc.passes.lowering import nmp
from slsc.passes.lowering.limits import require_whole_within, require_within
from slsc.passes.lowering.nmp import ABSENT, BF16, GATES, HALF_OPERANDS, INT8, DType, Op, PlanFile
from slsc.passes.lowering.nmp_ops import Act, Combine
from slsc.passes.lowering.packing import pack
from slsc.passes.lowering.place import Layout, Place
from slsc.passes.lowering.refusal import LoweringRefusal
from slsc.passes.lowering.steps import Array, Conv, Space, Step


@dataclass
class Emitter:
    """Turns a layout into a plan file.

    Args:
        spaces: of every tensor.
    """

    spaces: Mapping[str, Space]
    arrays: dict[nmp.Array, int] = field(default_factory=dict)
    group_size: int = 0

    def plan(self, layout: Layout, image: str, output: Place) -> PlanFile:
        """The plan of a layout, whose output is the whole value at `output`."""
        ops = tuple(self._op(step, layout.places) for step in layout.steps)
        used = [self.spaces[name] for step in layout.steps for name in (*step.inputs, step.output)]
        used += [_unshuffled(step, self.spaces) for step in layout.steps if isinstance(step, Conv)]
        sides = [side for space in used if not space.pixel for side in (space.rows, space.columns)]
        types = [name for name, dtype in ((BF16, DType.BF16), (INT8, DType.U8)) if dtype in layout.dtypes]
        plan = PlanFile(
            input=layout.places[image].value,
            output=output.value,
            row_align=math.lcm(*(side.denominator for side in sides)),
            m=self.group_size,
            values=tuple(layout.values),
            ops=ops,
            arrays=tuple(self.arrays),
            features=(*types, *self._features(layout.steps)),
            dtypes=tuple(layout.dtypes) if types else (),
        )
        require_whole_within(plan)
        return plan

    def _features(self, steps: Sequence[Step]) -> list[str]:
        """What readers must know of operations."""
        convolutions = [step for step in steps if isinstance(step, Conv)]
        gates = any(step.combine == Combine.ADD_TIMES_GATE for step in convolutions)
        others = [name for step in convolutions for name in step.inputs[1:]]
        half_operands = any(self.spaces[name].dtype == DType.BF16 for name in others)
        return [*([GATES] if gates else []), *([HALF_OPERANDS] if half_operands else [])]

    def _op(self, step: Step, places: Mapping[str, Place]) -> Op:
        require_within(step)
        ins = [places[name] for name in step.inputs] + [Place(ABSENT, 0)] * (2 - len(step.inputs))
        act = step.act
        return Op(
            params=step.params(self.spaces[step.inputs[0]].channels, self),
            ins=(ins[0].value, ins[1].value),
            in_channels=(ins[0].channel, ins[1].channel),
            out=places[step.output].value,
            out_channel=places[step.output].channel,
            act=act.kind,
            act_a=act.a,
            act_b=act.b,
            slopes=self.floats(act.slopes if act.kind == Act.PRELU else None),
        )

    def weights(self, step: Conv) -> tuple[int, int]:
        """See `Arrays.weights`."""
        numbers = step.weight if step.integers is None else step.integers.weight.astype(np.float32)
        positions = ABSENT
        if step.sparsity is not None:
            self._require_group_size(step, step.sparsity.m)
            numbers, placed = pack(numbers, step.sparsity)
            positions = self._array(nmp.Array(placed.tobytes(), DType.U8))
        if step.half:
            return self._array(nmp.Array(_upper_halves(numbers).tobytes(), DType.BF16)), positions
        if step.integers is None:
            return self.floats(numbers), positions
        scales = self.floats(step.integers.scales)
        return self._array(nmp.Array(numbers.astype(np.int8).tobytes(), DType.I8, scales)), positions

    def _require_group_size(self, step: Conv, m: int) -> None:
        if self.group_size not in (0, m):
            why = f"groups of {m} weights, and of {self.group_size} in other layers"
            raise LoweringRefusal("the native engine takes one group size a network", where=step.label, why=why)
        self.group_size = m

    def floats(self, values: Array | None) -> int:
        """See `Arrays.floats`."""
        return ABSENT if values is None else self._array(nmp.Array(np.asarray(values, "<f4").tobytes()))

    def _array(self, array: nmp.Array) -> int:
        """Index of an array; equal ones, of weights that layers share, are stored once."""
        return self.arrays.setdefault(array, len(self.arrays))


def _unshuffled(conv: Conv, spaces: Mapping[str, Space]) -> Space:
    """The space of what a convolution makes before it shuffles."""
    return replace(conv, shuffle=1).space(*(spaces[name] for name in conv.inputs))


def _upper_halves(numbers: Array) -> npt.NDArray[np.uint16]:
    """Numbers of bfloat16 as the plan stores them."""
    bits = np.asarray(numbers, "<f4").view("<u4")
    if np.any(bits & 0xFFFF):
        raise ValueError("a weight is no number of bfloat16")
    return (bits >> 16).astype("<u2")
