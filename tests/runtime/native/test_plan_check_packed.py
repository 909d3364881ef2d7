"""Plans whose values are packed in 8 or 16 bits are refused where what makes and what reads them do not go together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from slsc.passes.lowering.nmp import ABSENT, BF16, HALF_OPERANDS, INT8, Array, DType, Op, PlanFile
from slsc.passes.lowering.nmp_ops import Combine, Dequantize, HalfConv, IntConv, Narrow, Quantize, Unary
from slsc.runtime.backends.native import NativeRunner

pytestmark = pytest.mark.usefixtures("isas")

NOTHING = (0, 0, 0, 0)


@pytest.fixture
def integers(plans) -> PlanFile:
    """Quantized, convolved to U8, convolved to F32 and added to the image."""
    once = plans.conv(40, 40, n=4, positions=2)
    params = IntConv(*once, 0.5, 3, 0.25, 128)
    added = IntConv(*once._replace(combine=Combine.ACT_THEN_ADD), 0.25, 128, 1.0, 0)
    ops = [
        Op(Quantize(40, 0.5, 3, ABSENT)),
        Op(params, ins=(1, ABSENT), out=2),
        Op(added, ins=(2, 0), out=3),
    ]
    values, positions = plans.sparse_arrays(np.random.default_rng(0), 40, 40, (3, 3), 4, 32)
    weights = Array((values * 40).astype(np.int8).tobytes(), DType.I8, scale=1)
    plan = plans.plan([40] * 4, ops, [weights, np.ones(40, np.float32), positions], m=32)
    plan = replace(plan, dtypes=(DType.F32, DType.U8, DType.U8, DType.F32), features=(INT8,))
    NativeRunner(plan.to_bytes(), 1)
    return plan


@pytest.mark.parametrize(
    ("at", "field", "value", "message"),
    [
        (0, "scale", 0.0, "(Quantize): scale is not above 0"),
        (0, "scale", float("nan"), "(Quantize): scale is not finite"),
        (0, "zero", 256, "(Quantize): zero is 256, not in 0..255"),
        (0, "factors", 0, "(Quantize): factors is of I8, not of F32"),
        (1, "in_scale", -1.0, "(IntConv): in_scale is not above 0"),
        (1, "in_zero", -1, "(IntConv): in_zero is -1, not in 0..255"),
        (1, "out_scale", float("inf"), "(IntConv): out_scale is not finite"),
        (1, "out_zero", 300, "(IntConv): out_zero is 300, not in 0..255"),
        (1, "weights", 1, "(IntConv): weights has"),
        (1, "combine", 2, "(IntConv): in[1] is -1"),
        (1, "shuffle", 2, "(IntConv): shuffle is not 1 where out is of U8"),
        (2, "kernel_h", 0, "(IntConv): kernel_h is 0"),
    ],
)
def test_parameter_of_integers(refusal, integers, at, field, value, message):
    ops = list(integers.ops)
    ops[at] = replace(ops[at], params=ops[at].params._replace(**{field: value}))
    assert f"operation {at} {message}" in refusal(replace(integers, ops=tuple(ops)).to_bytes())


def test_integers_made_in_part(refusal, integers):
    quantize, *others = integers.ops
    part = replace(quantize, params=quantize.params._replace(channels=39))
    message = refusal(replace(integers, ops=(part, *others)).to_bytes())
    assert "operation 1 (IntConv): in[0] is read before it is written" in message
    beyond = replace(part, out_channel=2)
    message = refusal(replace(integers, ops=(beyond, *others)).to_bytes())
    assert "operation 0 (Quantize): out's first channel is 2, not in 0..1" in message


@pytest.mark.parametrize(
    ("at", "fields", "message"),
    [
        (0, {"out": 3}, "(Quantize): it reads F32 and writes F32"),
        (1, {"ins": (0, ABSENT)}, "(IntConv): it reads F32 and writes U8"),
        (2, {"ins": (1, 2)}, "(IntConv): in[1] is not of F32"),
        (1, {"params": Unary(40, ABSENT, ABSENT)}, "(Unary): it reads U8 and writes U8"),
        (2, {"params": Unary(40, ABSENT, ABSENT), "ins": (2, ABSENT)}, "(Unary): it reads U8 and writes F32"),
        (2, {"params": Dequantize(39, 1.0, 0), "ins": (2, ABSENT)}, "(Dequantize): it does not read all channels"),
        (2, {"in_channels": (1, 0)}, "(IntConv): in[0]'s first channel"),
    ],
)
def test_integers_are_read_by_what_takes_them(refusal, integers, at, fields, message):
    ops = list(integers.ops)
    ops[at] = replace(ops[at], **fields)
    assert f"operation {at} {message}" in refusal(replace(integers, ops=tuple(ops)).to_bytes())


def test_no_integers_enter_or_leave(refusal, integers):
    for changed in ({"output": 2}, {"dtypes": (DType.U8, *integers.dtypes[1:])}):
        assert refusal(replace(integers, **changed).to_bytes())


def test_sums_of_integers_fit_32_bits(refusal, plans):
    """At most 32767 weights of an output, so that no sum of theirs can overflow."""
    for channels, fits in ((32767, True), (32768, False)):
        kernel = (1, 7) if channels == 32767 else (1, 8)
        channels //= kernel[1]
        params = IntConv(*plans.conv(channels, 1, kernel, pads=NOTHING), 0.5, 255, 1.0, 0)
        weights = Array(b"\x80" * channels * kernel[1], DType.I8, scale=1)
        ops = [Op(Quantize(channels, 0.5, 255, ABSENT)), Op(params, ins=(1, ABSENT), out=2)]
        plan = plans.plan([channels, channels, 1], ops, [weights, np.ones(1, np.float32)])
        data = replace(plan, dtypes=(DType.F32, DType.U8, DType.F32), features=(INT8,)).to_bytes()
        if not fits:
            assert "an output has 32768 weights, more than 32 bits can sum" in refusal(data)
            continue
        image = np.full((1, channels, 1, 9), -1e4, np.float32)  # integers 0, which stand for -255 * 0.5
        assert np.all(NativeRunner(data, 1).run(image) == np.float32(32767 * 255 * 128 * 0.5))


@pytest.fixture
def halves(plans) -> PlanFile:
    """Narrowed, convolved to BF16, convolved to F32 and added to the image."""
    once = plans.conv(40, 40, n=4, positions=1)
    added = once._replace(combine=Combine.ACT_THEN_ADD)
    ops = [Op(Narrow(40)), Op(HalfConv(*once), ins=(1, ABSENT), out=2), Op(HalfConv(*added), ins=(2, 0), out=3)]
    values, positions = plans.sparse_arrays(np.random.default_rng(0), 40, 40, (3, 3), 4, 32)
    plan = plans.plan([40] * 4, ops, [plans.upper_halves(values), positions, values], m=32)
    plan = replace(plan, dtypes=(DType.F32, DType.BF16, DType.BF16, DType.F32), features=(BF16,))
    NativeRunner(plan.to_bytes(), 1)
    return plan


@pytest.mark.parametrize(
    ("at", "fields", "message"),
    [
        (0, {"params": Narrow(39)}, "(Narrow): it does not write all channels of a value of BF16"),
        (0, {"out": 3}, "(Narrow): it reads F32 and writes F32"),
        (0, {"ins": (0, 0)}, "(Narrow): in[1] is 0"),
        (1, {"ins": (0, ABSENT)}, "(HalfConv): it reads F32 and writes BF16"),
        (1, {"params": {"weights": 2}}, "(HalfConv): weights is not of BF16"),
        (1, {"params": {"weights": 9}}, "(HalfConv): weights is 9"),
        (1, {"params": {"combine": 2}}, "(HalfConv): in[1] is -1"),
        (1, {"params": {"shuffle": 2}}, "(HalfConv): shuffle is not 1 where out is of BF16"),
        (2, {"params": {"kernel_h": 0}}, "(HalfConv): kernel_h is 0"),
        (2, {"ins": (1, 2)}, '(HalfConv): in[1] is of BF16, and the plan does not name the feature "half-operands"'),
        (2, {"params": Unary(40, ABSENT, ABSENT), "ins": (2, ABSENT)}, "(Unary): it reads BF16 and writes F32"),
    ],
)
def test_halves_are_made_and_read_by_what_takes_them(refusal, halves, at, fields, message):
    ops = list(halves.ops)
    changed = dict(fields)
    if isinstance(changed.get("params"), dict):
        changed["params"] = ops[at].params._replace(**changed["params"])
    ops[at] = replace(ops[at], **changed)
    assert f"operation {at} {message}" in refusal(replace(halves, ops=tuple(ops)).to_bytes())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"combine": Combine.NONE}, "in[1] is 2"),
        ({"shuffle": 2}, "shuffle is not 1 where in[1] is of BF16"),
        ({"made": 20, "n": 0, "positions": ABSENT, "weights": 3}, "it does not read all channels of a value of BF16"),
    ],
)
def test_halves_that_are_added_are_read_whole(refusal, halves, plans, fields, message):
    ops = list(halves.ops)
    ops[2] = replace(ops[2], ins=(1, 2))
    dense = Array(plans.upper_halves(np.ones(20 * 40 * 9)).tobytes(), DType.BF16)
    arrays = (*halves.arrays, dense)
    named = replace(halves, ops=tuple(ops), features=(BF16, HALF_OPERANDS), arrays=arrays)
    NativeRunner(named.to_bytes(), 1)
    ops[2] = replace(ops[2], params=ops[2].params._replace(**fields))
    assert f"operation 2 (HalfConv): {message}" in refusal(replace(named, ops=tuple(ops)).to_bytes())


def test_no_halves_enter_or_leave(refusal, halves):
    for changed in ({"output": 2}, {"dtypes": (DType.BF16, *halves.dtypes[1:])}, {"features": ()}):
        assert refusal(replace(halves, **changed).to_bytes())
