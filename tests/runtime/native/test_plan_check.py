"""Plans that are wrong are refused with the operation's and the field's name, before anything is built from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from slsc.passes.lowering.nmp import (
    ABSENT,
    ARRAY,
    FEATURE,
    HEADER,
    VALUE,
    Array,
    DType,
    Op,
    PlanFile,
)
from slsc.passes.lowering.nmp_ops import (
    Act,
    Binary,
    Combine,
    DepthToSpace,
    InstanceNorm,
    Pad,
    Params,
    Pool,
    Resize,
    SpaceToDepth,
    Unary,
)
from slsc.runtime.backends.native import NativeRunner

pytestmark = pytest.mark.usefixtures("isas")

NOTHING = (0, 0, 0, 0)


@pytest.fixture
def sparse(plans) -> PlanFile:
    """One 3x3 convolution of 40 to 8 channels at 4:32."""
    rng = np.random.default_rng(0)
    arrays = [*plans.sparse_arrays(rng, 8, 40, (3, 3), 4, 32), np.zeros(8, np.float32)]
    plan = plans.plan([40, 8], [Op(plans.conv(40, 8, n=4, positions=1, bias=2))], arrays, m=32)
    NativeRunner(plan.to_bytes(), 1)
    return plan


def _with_op(plan: PlanFile, **fields: object) -> bytes:
    return replace(plan, ops=(replace(plan.ops[0], **fields), *plan.ops[1:])).to_bytes()


def _with_array(plan: PlanFile, index: int, array: Array) -> bytes:
    arrays = list(plan.arrays)
    arrays[index] = array
    return replace(plan, arrays=tuple(arrays)).to_bytes()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("channels", 0, "channels is 0, not in 1..16384"),
        ("channels", 32, "weights has"),
        ("made", 9, "weights has"),
        ("made", 1 << 20, "made is 1048576, not in 1..16384"),
        ("kernel_h", 65, "kernel_h is 65, not in 1..64"),
        ("stride_h", 0, "stride_h is 0, not in 1..16"),
        ("stride_w", -1, "stride_w is -1"),
        ("pad_top", -1, "pad_top is -1, not in 0..128"),
        ("pad_right", 2**31 - 1, "pad_right is 2147483647"),
        ("dilation_h", 0, "dilation_h is 0"),
        ("dilation_w", 64, "dilation_w * (kernel_w - 1) + 1 is 129, not in 1..128"),
        ("groups", 0, "groups is 0, not in 1..40"),
        ("groups", 3, "groups does not divide channels and made"),
        ("n", 5, "weights has"),
        ("n", 33, "n is 33, not in 0..32"),
        ("combine", 4, 'combine is 4, and the plan does not name the feature "gates"'),
        ("combine", 5, "combine is 5, not in 0..4"),
        ("combine", Combine.ADD_THEN_ACT, "in[1] is -1, not in 0..1"),
        ("shuffle", 0, "shuffle is 0"),
        ("shuffle", 3, "shuffle squared does not divide made"),
        ("weights", 3, "weights is 3, not in 0..2"),
        ("weights", 1, "weights is of U8, not of F32, BF16 or I8"),
        ("positions", ABSENT, "positions is -1, not in 0..2"),
        ("positions", 0, "positions is of F32, not of U8"),
        ("bias", 0, "bias has"),
        ("bias", 1, "bias is of U8, not of F32"),
    ],
)
def test_parameter_of_a_convolution(refusal, sparse, field, value, message):
    why = refusal(_with_op(sparse, params=sparse.ops[0].params._replace(**{field: value})))
    assert f"operation 0 (Conv): {message}" in why


POOL = Pool(2, 0, 3, 3, 1, 1, 1, 1, 1, 1, 0)
RESIZE = Resize(2, 1, 0, 2, 1, 0, -0.75)
PAD = Pad(2, 0, 1, 1, 1, 1, *NOTHING, 0, 0.0)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (Binary(2, 8, 0), "(Binary): kind is 8, not in 0..7"),
        (Binary(2, 0, 3), "(Binary): spread is 3, not in 0..2"),
        (Binary(2, 0, 0), "(Binary): in[1] is -1"),
        (Unary(2, 0, ABSENT), "(Unary): scale is 0, not in 0..-1"),
        (POOL._replace(kind=3), "(Pool): kind is 3"),
        (POOL._replace(kernel_w=0), "(Pool): kernel_w is 0"),
        (POOL._replace(pad_left=3), "(Pool): pad_left is 3, not in 0..2"),
        (POOL._replace(ceil_mode=2), "(Pool): ceil_mode is 2"),
        (RESIZE._replace(kind=3), "(Resize): kind is 3"),
        (RESIZE._replace(coordinates=4), "(Resize): coordinates is 4"),
        (RESIZE._replace(rounding=-1), "(Resize): rounding is -1"),
        (RESIZE._replace(denominator=0), "(Resize): denominator is 0, not in 1..64"),
        (RESIZE._replace(numerator=0), "(Resize): denominator is 1, not in 0..0"),
        (RESIZE._replace(numerator=0, denominator=0), "(Resize): in[1] is -1"),
        (RESIZE._replace(cubic=float("inf")), "(Resize): cubic is not finite"),
        (PAD._replace(kind=3), "(Pad): kind is 3"),
        (PAD._replace(left=4097), "(Pad): left is 4097, not in -4096..4096"),
        (PAD._replace(share_top=1), "(Pad): share_top is 1, not in 0..0"),
        (PAD._replace(share_right=65, parts=1), "(Pad): share_right is 65, not in -64..64"),
        (PAD._replace(value=float("nan")), "(Pad): value is not finite"),
        (DepthToSpace(2, 2), "(DepthToSpace): block squared does not divide channels"),
        (InstanceNorm(2, ABSENT, ABSENT, 1.0), "(InstanceNorm): scale is -1"),
        (SpaceToDepth(2, 17), "(SpaceToDepth): block is 17, not in 1..16"),
    ],
)
def test_parameter_of_others(refusal, plans, params: Params, message: str):
    plan = plans.plan([2, 2], [Op(params)], [])
    assert f"operation 0 {message}" in refusal(plan.to_bytes())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ins": (ABSENT, ABSENT)}, "in[0] is -1"),
        ({"ins": (2, ABSENT)}, "in[0] is 2"),
        ({"ins": (1, ABSENT), "in_channels": (0, 0)}, "in[0]'s first channel"),
        ({"in_channels": (1, 0)}, "in[0]'s first channel"),
        ({"in_channels": (-1, 0)}, "in[0]'s first channel"),
        ({"ins": (0, 0)}, "in[1] is 0, not in -1..-1"),
        ({"out": 0, "in_channels": (0, 0)}, "out is the image"),
        ({"out": -1}, "out is -1"),
        ({"out_channel": 1}, "out's first channel"),
        ({"act": 12}, "act is 12, not in 0..11"),
        ({"act": Act.PRELU}, "slopes is -1"),
        ({"act": Act.PRELU, "slopes": 1}, "slopes is of U8, not of F32"),
        ({"slopes": 2}, "slopes is 2, not in -1..-1"),
        ({"act_a": float("nan")}, "act_a is not finite"),
        ({"act": Act.CLIP, "act_a": 1.0, "act_b": -1.0}, "act_a is not at most act_b"),
    ],
)
def test_other_field_of_a_convolution(refusal, sparse, fields, message):
    assert f"operation 0 (Conv): {message}" in refusal(_with_op(sparse, **fields))


def test_activation_where_there_is_none(refusal, plans):
    plan = plans.plan([2, 2], [Op(POOL, act=Act.RELU)], [])
    assert "operation 0 (Pool): act is 1, not in 0..0" in refusal(plan.to_bytes())


@pytest.mark.parametrize(
    ("positions", "message"),
    [(lambda p: p + 32, "outside its group"), (lambda p: p * 0, "twice in a group")],
)
def test_positions(refusal, sparse, positions: Callable, message):
    stored = np.frombuffer(sparse.arrays[1].data, np.uint8)
    changed = Array(positions(stored).astype(np.uint8).tobytes(), DType.U8)
    assert message in refusal(_with_array(sparse, 1, changed))


@pytest.mark.parametrize(("array", "name"), [(0, "weights"), (2, "bias")])
def test_weights_and_bias_are_finite(refusal, sparse, array, name):
    values = sparse.floats(array).copy()
    values[3] = np.inf
    assert f"{name} is not finite at 3" in refusal(_with_array(sparse, array, Array(values.tobytes())))


def test_narrow_weights_are_finite(refusal, sparse):
    halves = (sparse.floats(0).view(np.uint32) >> 16).astype(np.uint16)
    NativeRunner(_with_array(sparse, 0, Array(halves.tobytes(), DType.BF16)), 1)
    halves[5] = 0x7FC0
    assert "weights is not finite at 5" in refusal(_with_array(sparse, 0, Array(halves.tobytes(), DType.BF16)))


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        (Array(np.ones(3, np.float32).tobytes()), "(Conv): the scale of weights has 3 numbers, not 1 or 8"),
        (Array(np.full(8, np.nan, np.float32).tobytes()), "(Conv): the scale of weights is not finite at 0"),
        (Array(b"\1" * 8, DType.U8), "array 0: its scale is not of F32"),
    ],
)
def test_scale_of_weights(refusal, sparse, scale: Array, message: str):
    stored = Array(b"\1" * (len(sparse.arrays[0].data) // 4), DType.I8, scale=3)
    of_eight = replace(sparse, arrays=(stored, *sparse.arrays[1:], Array(np.ones(8, np.float32).tobytes())))
    NativeRunner(of_eight.to_bytes(), 1)
    assert message in refusal(_with_array(of_eight, 3, scale))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (Array(b"\0" * 8, 4), "array 2: dtype 4 is not known"),
        (Array(b"\0" * 31), "array 2: bytes is no multiple of what one F32 takes"),
        (Array(b"\0" * 32, scale=0), "array 2: scale is not -1, which F32 does not take"),
        (Array(b"\0" * 8, DType.I8), "array 2: scale is no array"),
        (Array(b"\0" * 8, DType.I8, scale=3), "array 2: scale is no array"),
        (Array(b"\0" * 8, DType.I8, scale=2), "array 2: its scale is not of F32"),
    ],
)
def test_arrays(refusal, sparse, array: Array, message: str):
    assert message in refusal(_with_array(sparse, 2, array))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (0, b"onnx\0\0\0\0", "magic"),
        (1, 1, "version 1 is not 2: made by an older slsc, compile it again"),
        (1, 3, "version 3 is not 2: made by a newer slsc"),
        (2, 65, "features is more than 64"),
        (2, 1, "the file has"),
        (3, 0, "values is 0"),
        (3, 2**31, "values is more than 16384"),
        (4, 4, "the file has"),
        (5, 2**32 - 1, "ops is more than 16384"),
        (5, 0, "op_bytes is not what its ops take"),
        (6, 2, "input is no value"),
        (7, 7, "output is no value"),
        (8, 0, "row_align is not in 1..1024"),
        (8, 4096, "row_align is not in 1..1024"),
        (9, 1, "m is not 0 or in 2..256"),
        (9, 257, "m is not 0 or in 2..256"),
        (10, 1, "reserved is not 0"),
        (11, 2**63, "op_bytes is more"),
        (12, 2**63, "blob_bytes is more"),
    ],
)
def test_header(refusal, sparse, field, value, message):
    data = sparse.to_bytes()
    fields = list(HEADER.unpack_from(data))
    fields[field] = value
    assert f"header: {message}" in refusal(HEADER.pack(*fields) + data[HEADER.size :])


def test_version_is_told_before_anything_else(refusal):
    """A file of version 1 has a shorter header, and other fields behind its version."""
    assert "made by an older slsc" in refusal(b"SLSCNMP\0" + b"\1\0\0\0")


@pytest.mark.parametrize(
    ("name", "shown"), [("weight-set", "weight-set"), ("a" * 32, "a" * 32), ("\x1b[2J\n", "?[2J?"), ("", "")]
)
def test_unknown_feature_is_refused_by_name(refusal, sparse, name, shown):
    asking = replace(sparse, features=(name,))
    assert f'feature "{shown}" is not known' in refusal(asking.to_bytes())


@pytest.mark.parametrize(
    ("value", "message"),
    [((8, DType.I8), "dtype is I8, where only F32, BF16 and U8 can be run"), ((8, 9), "dtype 9 is not known"),
     ((8, DType.BF16), 'dtype is BF16, and the plan does not name the feature "bf16"'),
     ((8, DType.U8), 'dtype is U8, and the plan does not name the feature "int8"'),
     ((0, 0), "channels is not in 1..16384")],
)  # fmt: skip
def test_values(refusal, sparse, value, message):
    data = bytearray(sparse.to_bytes())
    VALUE.pack_into(data, HEADER.size + VALUE.size, *value)
    assert f"value 1: {message}" in refusal(bytes(data))


@pytest.mark.parametrize(
    ("word", "value", "message"),
    [(0, 0, "operation 0: type 0 is not known"), (0, 4096, "operation 0: type 4096 is not known"),
     (1, 120, "operation 0 (Conv): bytes is 120, not 124"), (0, 2, "operation 0 (Binary): bytes is 124, not 60")],
)  # fmt: skip
def test_operations_have_their_size(refusal, sparse, word, value, message):
    data = bytearray(sparse.to_bytes())
    first = HEADER.size + len(sparse.values) * VALUE.size + len(sparse.arrays) * ARRAY.size
    data[first + 4 * word : first + 4 * word + 4] = value.to_bytes(4, "little")
    assert message in refusal(bytes(data))


def test_order_of_writing_and_reading(refusal, plans):
    def unary(channels: int = 2, **fields: int | tuple[int, int]) -> Op:
        return Op(Unary(channels, ABSENT, ABSENT), **fields)

    early = plans.plan([2, 2, 2], [unary(ins=(1, ABSENT), out=2), unary()], [])
    assert "operation 0 (Unary): in[0] is read before it is written" in refusal(early.to_bytes())
    twice = plans.plan([2, 3], [unary(), unary(out_channel=1)], [])
    assert "operation 1 (Unary): out is written twice" in refusal(twice.to_bytes())
    half = plans.plan([2, 3], [unary()], [])
    assert "output is not written whole" in refusal(half.to_bytes())
    gap = plans.plan([2, 5, 4], [unary(), unary(out_channel=3), unary(4, ins=(1, ABSENT), out=2)], [])
    assert "operation 2 (Unary): in[0] is read before it is written" in refusal(gap.to_bytes())


def test_arrays_lie_within_the_file(refusal, sparse):
    data = bytearray(sparse.to_bytes())
    first = HEADER.size + VALUE.size * len(sparse.values)
    for offset, message in ((1, "no multiple of 64"), (1 << 40, "past the file's end")):
        data[first : first + 8] = offset.to_bytes(8, "little")
        assert f"array 0: {'offset is ' * (offset == 1)}" in refusal(bytes(data))
        assert message in refusal(bytes(data))


def test_every_shorter_file_is_refused(refusal, sparse):
    data = replace(sparse, features=("unknown",)).to_bytes()
    for size in (0, 1, 11, 12, 47, 48, 63, 64, 64 + FEATURE.size, 200, len(data) - 1):
        refusal(data[:size])
    refusal(data + b"\0")


def test_small_file_cannot_ask_for_much_memory(refusal, plans):
    """One array of weights in thousands of convolutions would unfold to gigabytes."""
    weights = np.zeros((64, 64, 3, 3), np.float32)
    ops = [Op(plans.conv(64, 64), ins=(i, ABSENT), out=i + 1) for i in range(4000)]
    shared = plans.plan([64] * 4001, ops, [weights])
    assert "operation 64 (Conv): the file's weights are used too often" in refusal(shared.to_bytes())
