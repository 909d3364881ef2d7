"""Bounds that lowering mirrors, asked of the engine: each passes, one more is refused by both."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from slsc.errors import BackendError
from slsc.passes.lowering import LoweringRefusal, nmp, nmp_ops, steps
from slsc.passes.lowering.accumulate import FAR
from slsc.passes.lowering.limits import BOUNDS, require_whole_within, require_within
from slsc.passes.lowering.nmp import ABSENT, HEADER, Array, Op, PlanFile
from slsc.passes.lowering.nmp_ops import Unary
from slsc.runtime.backends.native import NativeRunner

pytestmark = pytest.mark.usefixtures("isas")

WEIGHTS = "weights, bytes,"
NOTHING = (0, 0, 0, 0)
COPY = Op(Unary(1, ABSENT, ABSENT))
STEP = {"label": "it", "inputs": ("x",), "output": "y"}


class Case(NamedTuple):
    """What has the value of a bound: for the engine, and for lowering."""

    plan: PlanFile
    lowered: steps.Step | PlanFile


def _whole(plan: PlanFile) -> Case:
    return Case(plan, plan)


def _copies(count: int) -> PlanFile:
    """So many operations, each of a channel of its own."""
    width = 1 << 13
    ops = [Op(COPY.params, out=1 + i // width, out_channel=i % width) for i in range(count)]
    return PlanFile(0, 1, 1, 0, (1, *[width] * (1 + count // width)), tuple(ops), ())


def _dilated(most: int) -> tuple[int, int]:
    """Kernel and dilation of the largest dilated kernel of at most so many pixels, or else of the smallest beyond."""
    found = {(k - 1) * d + 1: (k, d) for k in range(1, BOUNDS["kernel"] + 1) for d in range(1, BOUNDS["dilation"] + 1)}
    within = max(size for size in found if size <= most)
    return found[within if most <= BOUNDS["dilated kernel"] else min(size for size in found if size >= most)]


@pytest.fixture(scope="module")
def cases(plans) -> dict[str, Callable[[int], Case]]:
    """By bound."""

    def conv(kernel: int = 1, stride: int = 1, pad: int = 0, dilation: int = 1, shuffle: int = 1) -> Case:
        made = shuffle**2
        sides: dict = {"strides": (stride, 1), "pads": (pad, 0, 0, 0), "dilations": (dilation, 1), "shuffle": shuffle}
        weight = np.ones((made, 1, kernel, 1), np.float32)
        params = plans.conv(1, made, (kernel, 1), **sides)
        return Case(plans.plan([1, 1], [Op(params)], [weight]), steps.Conv(**STEP, weight=weight, **sides))

    def pad(top: int = 0, parts: int = 0) -> Case:
        shares = (-1, 0, 0, 0) if parts else NOTHING
        params = nmp_ops.Pad(1, nmp_ops.PadKind.EDGE, top, 0, 0, 0, *shares, parts, 0.0)
        step = steps.Pad(**STEP, kind=nmp_ops.PadKind.EDGE, amounts=(top, 0, 0, 0), shares=shares, parts=parts)
        return Case(plans.plan([1, 1], [Op(params)], []), step)

    def uses(count: int) -> PlanFile:
        ops = [Op(plans.conv(4, 4), ins=(i, ABSENT), out=i + 1) for i in range(count)]
        return plans.plan([4] * (count + 1), ops, [np.ones((4, 4, 3, 3), np.float32)])

    def ladder(candidates: int) -> PlanFile:
        own = nmp_ops.WeightSet(0, 0, 0, ABSENT, ABSENT, ABSENT)
        op = Op(plans.conv(1, 1), sets=(own,) * (candidates - 1))
        return replace(plans.plan([1, 1], [op], [np.ones((1, 1, 3, 3), np.float32)]), features=(nmp.WEIGHT_SETS,))

    def resize(factor: int) -> Case:
        manner = (nmp_ops.ResizeKind.NEAREST, nmp_ops.Coordinates.ASYMMETRIC)
        params = nmp_ops.Resize(1, *manner, factor, 1, nmp_ops.Rounding.FLOOR, 0.0)
        kind, coordinates = manner
        named: dict = {"kind": kind, "coordinates": coordinates, "rounding": nmp_ops.Rounding.FLOOR, "cubic": 0.0}
        return Case(plans.plan([1, 1], [Op(params)], []), steps.Resize(**STEP, **named, factor=factor))

    return {
        "kernel": lambda value: conv(kernel=value),
        "stride": lambda value: conv(stride=value),
        "dilation": lambda value: conv(dilation=value),
        "dilated kernel": lambda value: conv(*(_dilated(value)[0], 1, 0, _dilated(value)[1])),
        "convolution's padding": lambda value: conv(pad=value),
        "pixel shuffle": lambda value: conv(shuffle=value),
        "padding": lambda value: pad(top=value),
        "number of parts": lambda value: pad(parts=value),
        "scale": resize,
        "channels of one tensor": lambda value: _whole(
            plans.plan([value, value], [Op(Unary(value, ABSENT, ABSENT))], [])
        ),
        "product of strides": lambda value: _whole(plans.plan([1, 1], [COPY], [], row_align=value)),
        "group size": lambda value: _whole(plans.plan([1, 1], [COPY], [], m=value)),
        "number of tensors": lambda value: _whole(PlanFile(0, 1, 1, 0, (1,) * value, (COPY,), ())),
        "number of arrays": lambda value: _whole(PlanFile(0, 1, 1, 0, (1, 1), (COPY,), (Array(b""),) * value)),
        "number of operations": lambda value: _whole(_copies(value)),
        "number of candidates": lambda value: _whole(ladder(value)),
        "uses of each weight, on average,": lambda value: _whole(uses(value)),
    }


def test_every_bound_is_asked(cases):
    assert {*cases, WEIGHTS} == set(BOUNDS)


@pytest.mark.parametrize("name", [name for name in BOUNDS if name != WEIGHTS])
def test_bound(cases, name):
    most, beyond = (cases[name](BOUNDS[name] + more) for more in (0, 1))
    _lowers(most.lowered)
    NativeRunner(most.plan.to_bytes(), 1)
    with pytest.raises(LoweringRefusal, match=name):
        _lowers(beyond.lowered)
    with pytest.raises(BackendError, match="refuses the plan"):
        NativeRunner(beyond.plan.to_bytes(), 1)


def _lowers(what: steps.Step | PlanFile) -> None:
    require_whole_within(what) if isinstance(what, PlanFile) else require_within(what)


@pytest.mark.parametrize("pad", [2, 3])
def test_padding_of_a_pool_is_less_than_its_window(plans, pad):
    kind, kernel = nmp_ops.PoolKind.MAX, 3
    step = steps.Pool(**STEP, kind=kind, kernel=(kernel, 1), strides=(1, 1), pads=(0, 0, pad, 0), ceil=False)
    params = nmp_ops.Pool(1, kind, kernel, 1, 1, 1, 0, 0, pad, 0, 0)
    data = plans.plan([1, 1], [Op(params)], []).to_bytes()
    if pad < kernel:
        require_within(step)
        NativeRunner(data, 1)
        return
    with pytest.raises(LoweringRefusal, match="padding"):
        require_within(step)
    with pytest.raises(BackendError, match="pad_bottom is 3"):
        NativeRunner(data, 1)


def test_bytes_of_weights():
    """Asked without weights that large: the engine refuses the header's count before it looks for what it counts."""
    header = list(HEADER.unpack_from(PlanFile(0, 1, 1, 0, (1, 1), (COPY,), ()).to_bytes()))
    for more, refusal in ((0, "the file has"), (1, "blob_bytes is more")):
        header[-1] = BOUNDS[WEIGHTS] + more
        with pytest.raises(BackendError, match=refusal):
            NativeRunner(HEADER.pack(*header), 1)
    for more in (0, 1):
        with mmap.mmap(-1, BOUNDS[WEIGHTS] - nmp.ALIGNMENT + more) as data:
            plan = PlanFile(0, 1, 1, 0, (1, 1), (COPY,), (Array(data),))  # type: ignore[arg-type]
            if more:
                with pytest.raises(LoweringRefusal, match="weights"):
                    require_whole_within(plan)
            else:
                require_whole_within(plan)


def test_columns_of_a_band(plans, isas):
    """The tallest bands that the engine chooses by itself, by the memory they take."""
    channels, width = 64, 400
    arrays = [np.ones((channels, channels, 3, 3), np.float32)]
    ops = [Op(plans.conv(channels, channels), ins=(i, ABSENT), out=i + 1) for i in range(4)]
    plan = plans.plan([channels] * 5, ops, arrays).to_bytes()
    for isa in isas:
        runner = NativeRunner(plan, 1, isa)
        chosen = {}
        for band in (0, FAR - 12, FAR, FAR + 12):
            runner.set_band(band)
            chosen[band] = runner.arena_bytes(20 * FAR, width)
        assert chosen[FAR - 12] < chosen[0] == chosen[FAR] < chosen[FAR + 12], isa
