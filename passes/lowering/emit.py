"""Steps with their places -> the plan's operations and arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from slsc.passes.lowering.limits import require_whole_within, require_within
from slsc.passes.lowering.nmp import Act, Op, OpType, PlanFile
from slsc.passes.lowering.packing import pack
from slsc.passes.lowering.place import Layout, Place
from slsc.passes.lowering.refusal import LoweringRefusal
from slsc.passes.lowering.steps import (
    NO_ACTIVATION,
    Activation,
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

ABSENT = -1


@dataclass(frozen=True)
class _Fields:
    """What an operation has besides its places."""

    type: OpType
    p: tuple[int, ...]
    act: Activation = NO_ACTIVATION
    f: tuple[float, float] = (0.0, 0.0)
    arrays: tuple[int, int, int] = (ABSENT, ABSENT, ABSENT)


@dataclass
class Emitter:
    """Turns a layout into a plan file.

    Args:
        spaces: of every tensor.
    """

    spaces: Mapping[str, Space]
    arrays: dict[bytes, int] = field(default_factory=dict)
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
        fields = self._fields(step)
        act = fields.act
        return Op(
            type=fields.type,
            act=act.kind,
            ins=(ins[0].value, ins[1].value),
            in_channels=(ins[0].channel, ins[1].channel),
            out=places[step.output].value,
            out_channel=places[step.output].channel,
            p=fields.p,
            f=(*fields.f, act.low, act.high),
            arrays=(*fields.arrays, self._array(act.slopes if act.kind == Act.PRELU else None)),
        )

    def _fields(self, step: Step) -> _Fields:
        channels = self.spaces[step.inputs[0]].channels
        match step:
            case Conv():
                return self._conv(step, channels)
            case Binary():
                return _Fields(OpType.BINARY, (channels, step.kind, step.spread), step.act)
            case Unary():
                arrays = (self._array(step.scale), self._array(step.shift), ABSENT)
                return _Fields(OpType.UNARY, (channels,), step.act, arrays=arrays)
            case Pool():
                window = (*step.kernel, *step.strides, *step.pads, int(step.ceil))
                return _Fields(OpType.POOL, (channels, step.kind, *window))
            case GlobalMean():
                return _Fields(OpType.GLOBAL_MEAN, (channels,))
            case ChannelMean():
                return _Fields(OpType.CHANNEL_MEAN, (channels,))
            case Resize():
                factor = step.factor
                ratio = (factor.numerator, factor.denominator) if factor else (0, 0)
                manner = (step.kind, step.coordinates, *ratio, step.rounding)
                return _Fields(OpType.RESIZE, (channels, *manner), f=(step.cubic, 0.0))
            case Pad():
                sides = (*step.amounts, *step.shares, step.parts)
                return _Fields(OpType.PAD, (channels, step.kind, *sides), f=(step.value, 0.0))
            case DepthToSpace():
                return _Fields(OpType.DEPTH_TO_SPACE, (channels, step.block))
            case SpaceToDepth():
                return _Fields(OpType.SPACE_TO_DEPTH, (channels, step.block))
        raise AssertionError(f"no operation for {type(step).__name__}")

    def _conv(self, step: Conv, channels: int) -> _Fields:
        weights, positions = step.weight.astype("<f4").tobytes(), b""
        n = 0
        if step.sparsity:
            n = step.sparsity.n
            self._require_group_size(step, step.sparsity.m)
            weights, positions = pack(step.weight, step.sparsity)
        made, _, rows, columns = step.weight.shape
        window = (rows, columns, *step.strides, *step.pads, *step.dilations)
        p = (channels, made, *window, step.groups, n, step.combine, step.shuffle)
        arrays = (self._bytes(weights), self._bytes(positions) if positions else ABSENT, self._array(step.bias))
        return _Fields(OpType.CONV, p, step.act, arrays=arrays)

    def _require_group_size(self, step: Conv, m: int) -> None:
        if self.group_size not in (0, m):
            why = f"groups of {m} weights, and of {self.group_size} in other layers"
            raise LoweringRefusal("the native engine takes one group size a network", where=step.label, why=why)
        self.group_size = m

    def _array(self, values: Array | None) -> int:
        return ABSENT if values is None else self._bytes(np.asarray(values, "<f4").tobytes())

    def _bytes(self, data: bytes) -> int:
        """Index of an array; equal ones, of weights that layers share, are stored once."""
        return self.arrays.setdefault(data, len(self.arrays))
