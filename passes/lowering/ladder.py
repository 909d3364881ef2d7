"""Several networks of one topology -> one plan file, whose candidates they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from slsc.passes.lowering.limits import require_whole_within
from slsc.passes.lowering.lower import Lowered, lowered
from slsc.passes.lowering.nmp import ABSENT, WEIGHT_SETS, Array, Op, PlanFile
from slsc.passes.lowering.nmp_ops import Conv, Params, WeightSet
from slsc.passes.lowering.packing import unpack
from slsc.passes.lowering.refusal import LoweringRefusal
from slsc.pattern import group_sizes, kept_in_group
from slsc.plan import Plan


def lower_ladder(candidates: Sequence[tuple[onnx.ModelProto, Plan | None]]) -> bytes:
    """Lower engines of one dense network to one plan file, so that regions of an image can be given different ones.

    What two of them share is stored once: equal weights, and weights of fewer N whose every group is the beginning, by
    importance, of a later candidate's group. Convolutions may differ in weights, N, bias and a PReLU's slopes; nothing
    else may. Several that compute in bfloat16 do so in float32.

    Args:
        candidates: 1 to 16 of them, the cheapest first; each as `slsc.passes.lowering.lower` takes it.

    Returns:
        The file. One candidate makes what `lower` makes of it.

    Raises:
        LoweringRefusal: the engine lacks an operation, or two candidates differ where they may not; names the node.
        ValueError: there are none.
    """
    plans = [lowered(model, plan, halves=len(candidates) == 1) for model, plan in candidates]
    if not plans:
        raise ValueError("a ladder has at least one candidate")
    if len(plans) == 1:
        return plans[0].plan.to_bytes()
    for index, each in enumerate(plans):
        if each.plan.dtypes:
            why = "it computes in integers, and regions take candidates of their own in float32 only"
            raise LoweringRefusal(f"candidate {index} cannot share a pass with the others", why=why)
    for index, each in enumerate(plans[:-1]):
        _require_alike(index, each, plans[-1])
    plan = _Joiner([each.plan for each in plans]).joined()
    require_whole_within(plan)
    return plan.to_bytes()


def _require_alike(index: int, one: Lowered, last: Lowered) -> None:
    """Refuse candidate `index` where more than weights tells it from the last."""

    def refuse(where: str, why: str) -> LoweringRefusal:
        return LoweringRefusal(f"candidate {index} cannot share a pass with the others", where=where, why=why)

    for label, last_label, op, last_op in zip(one.labels, last.labels, one.plan.ops, last.plan.ops, strict=False):
        if label != last_label or _form(one.plan, op) != _form(last.plan, last_op):
            raise refuse(label, "it is another operation there than in the last candidate, or has other numbers")
    if len(one.labels) != len(last.labels):
        longer = max(one, last, key=lambda each: len(each.labels))
        where = longer.labels[min(len(one.labels), len(last.labels))]
        raise refuse(where, "only one of the two has this operation")
    if _outline(one.plan) != _outline(last.plan):
        raise refuse("", "its tensors differ from the last candidate's in number or size")
    if 0 not in (one.plan.m, last.plan.m) and one.plan.m != last.plan.m:
        raise refuse("", f"its weights come in groups of {one.plan.m}, the last candidate's in groups of {last.plan.m}")


def _outline(plan: PlanFile) -> object:
    return plan.input, plan.output, plan.row_align, plan.values


def _form(plan: PlanFile, op: Op) -> object:
    """All of an operation but a convolution's weights; other arrays by content."""
    if isinstance(op.params, Conv):
        params: Params = op.params._replace(n=0, weights=0, positions=0, bias=0)
        return replace(op, params=params, slopes=0)
    arrays = [plan.arrays[index] for index in _arrays_of(op) if index != ABSENT]
    names: dict[str, Any] = {name: 0 for name in _ARRAYS if name in op.params._fields}
    return replace(op, params=op.params._replace(**names), slopes=0), arrays


_ARRAYS = ("scale", "shift")
"""Fields of operations other than convolutions that name arrays."""


def _arrays_of(op: Op) -> Iterator[int]:
    for name in _ARRAYS:
        if name in op.params._fields:
            yield getattr(op.params, name)
    yield op.slopes


@dataclass
class _Joiner:
    """Joins plans that are alike."""

    plans: Sequence[PlanFile]
    arrays: dict[Array, int] = field(default_factory=dict)

    def joined(self) -> PlanFile:
        """One plan for all."""
        last = self.plans[-1]
        ops = tuple(self._op(index) for index in range(len(last.ops)))
        m = max(plan.m for plan in self.plans)
        return replace(last, m=m, ops=ops, arrays=tuple(self.arrays), features=(*last.features, WEIGHT_SETS))

    def _op(self, index: int) -> Op:
        last, op = self.plans[-1], self.plans[-1].ops[index]
        if not isinstance(op.params, Conv):
            fields = (name for name in _ARRAYS if name in op.params._fields)
            names: dict[str, Any] = {name: self._array(last, getattr(op.params, name)) for name in fields}
            return replace(op, params=op.params._replace(**names), slopes=self._array(last, op.slopes))
        sets = [self._set(last, op.weight_set)]
        for at in reversed(range(len(self.plans) - 1)):
            sets.insert(
                0, self._nested(index, at, sets[0]) or self._set(self.plans[at], self.plans[at].ops[index].weight_set)
            )
        used, further = sets[-1], tuple(sets[:-1])
        params = op.params._replace(n=used.n, weights=used.weights, positions=used.positions, bias=used.bias)
        return replace(op, params=params, slopes=used.slopes, sets=() if set(further) == {used} else further)

    def _nested(self, index: int, at: int, dearer: WeightSet) -> WeightSet | None:
        """The weights of a candidate's convolution as the first of each group of the next dearer one's, if they are."""
        plan, beside = self.plans[at], self.plans[at + 1]
        own, other = plan.ops[index].weight_set, beside.ops[index].weight_set
        if ABSENT in (own.positions, other.positions) or own.n > other.n:
            return None
        whole, ranks = _unpacked(beside, beside.ops[index])
        weight, _ = _unpacked(plan, plan.ops[index])
        sizes = group_sizes(weight.shape[1], plan.m)
        kept = np.repeat([kept_in_group(own.n, plan.m, size) for size in sizes], sizes).reshape(1, -1, 1, 1)
        if not np.array_equal(weight, np.where(ranks < kept, whole, 0)):
            return None
        bias, slopes = self._array(plan, own.bias), self._array(plan, own.slopes)
        return dearer._replace(kept=own.n if own.n < dearer.n else 0, bias=bias, slopes=slopes)

    def _set(self, plan: PlanFile, own: WeightSet) -> WeightSet:
        arrays = {name: self._array(plan, getattr(own, name)) for name in ("weights", "positions", "bias", "slopes")}
        return own._replace(**arrays)

    def _array(self, plan: PlanFile, index: int) -> int:
        """Where an array of one of the plans stands; equal ones are stored once."""
        return ABSENT if index == ABSENT else self.arrays.setdefault(plan.arrays[index], len(self.arrays))


def _unpacked(plan: PlanFile, op: Op) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """A sparse convolution's weight, and the ranks of what it keeps."""
    conv = op.params
    assert isinstance(conv, Conv)
    shape = (conv.made, conv.channels // conv.groups, conv.kernel_h, conv.kernel_w)
    positions = np.frombuffer(plan.arrays[conv.positions].data, np.uint8)
    return unpack(plan.floats(conv.weights), positions, shape, conv.n, plan.m)
