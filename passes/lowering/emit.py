"""Steps with their places -> the plan's operations and arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from slsc.passes.lowering import nmp
from slsc.passes.lowering.limits import require_whole_within, require_within
from slsc.passes.lowering.nmp import ABSENT, Act, DType, Op, PlanFile
from slsc.passes.lowering.packing import pack
from slsc.passes.lowering.place import Layout, Place
from slsc.passes.lowering.refusal import LoweringRefusal
from slsc.passes.lowering.steps import (
    NO_ACTIVATION,
    Array,
    Binary,
    ChannelMean,
    Conv,
    DepthToSpace,
    GlobalMean,
    Pad,
    Pool,
    Resize,
    Space,
    SpaceToDepth,
    Step,
    Unary,
)


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
        plan = PlanFile(
            input=layout.places[image].value,
            output=output.value,
            row_align=math.lcm(*(space.rows.denominator for space in used if not space.pixel)),
            m=self.group_size,
            values=tuple(layout.values),
            ops=ops,
            arrays=tuple(self.arrays),
        )
        require_whole_within(plan)
        return plan

    def _op(self, step: Step, places: Mapping[str, Place]) -> Op:
        require_within(step)
        ins = [places[name] for name in step.inputs] + [Place(ABSENT, 0)] * (2 - len(step.inputs))
        act = step.act if isinstance(step, Conv | Binary | Unary) else NO_ACTIVATION
        return Op(
            params=self._params(step),
            ins=(ins[0].value, ins[1].value),
            in_channels=(ins[0].channel, ins[1].channel),
            out=places[step.output].value,
            out_channel=places[step.output].channel,
            act=act.kind,
            act_a=act.a,
            act_b=act.b,
            slopes=self._floats(act.slopes if act.kind == Act.PRELU else None),
        )

    def _params(self, step: Step) -> nmp.Params:
        channels = self.spaces[step.inputs[0]].channels
        match step:
            case Conv():
                return self._conv(step, channels)
            case Binary():
                return nmp.Binary(channels, step.kind, step.spread)
            case Unary():
                return nmp.Unary(channels, self._floats(step.scale), self._floats(step.shift))
            case Pool():
                return nmp.Pool(channels, step.kind, *step.kernel, *step.strides, *step.pads, int(step.ceil))
            case GlobalMean():
                return nmp.GlobalMean(channels)
            case ChannelMean():
                return nmp.ChannelMean(channels)
            case Resize():
                up, down = step.factor.as_integer_ratio() if step.factor else (0, 0)
                return nmp.Resize(channels, step.kind, step.coordinates, up, down, step.rounding, step.cubic)
            case Pad():
                return nmp.Pad(channels, step.kind, *step.amounts, *step.shares, step.parts, step.value)
            case DepthToSpace():
                return nmp.DepthToSpace(channels, step.block)
            case SpaceToDepth():
                return nmp.SpaceToDepth(channels, step.block)
        raise AssertionError(f"no operation for {type(step).__name__}")

    def _conv(self, step: Conv, channels: int) -> nmp.Conv:
        made, _, rows, columns = step.weight.shape
        weights, positions, n = step.weight, None, 0
        if step.sparsity:
            n = step.sparsity.n
            self._require_group_size(step, step.sparsity.m)
            weights, positions = pack(step.weight, step.sparsity)
        window = (rows, columns, *step.strides, *step.pads, *step.dilations)
        return nmp.Conv(
            channels,
            made,
            *window,
            groups=step.groups,
            n=n,
            combine=step.combine,
            shuffle=step.shuffle,
            weights=self._floats(weights),
            positions=ABSENT if positions is None else self._array(nmp.Array(positions.tobytes(), DType.U8)),
            bias=self._floats(step.bias),
        )

    def _require_group_size(self, step: Conv, m: int) -> None:
        if self.group_size not in (0, m):
            why = f"groups of {m} weights, and of {self.group_size} in other layers"
            raise LoweringRefusal("the native engine takes one group size a network", where=step.label, why=why)
        self.group_size = m

    def _floats(self, values: Array | None) -> int:
        return ABSENT if values is None else self._array(nmp.Array(np.asarray(values, "<f4").tobytes()))

    def _array(self, array: nmp.Array) -> int:
        """Index of an array; equal ones, of weights that layers share, are stored once."""
        return self.arrays.setdefault(array, len(self.arrays))
