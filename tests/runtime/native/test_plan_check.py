"""Plans that are wrong are refused with the operation's and the field's name, before anything is built from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from slsc.errors import BackendError
from slsc.passes.lowering.nmp import HEADER, PlanFile
from slsc.runtime.backends.native import NativeRunner

pytestmark = pytest.mark.usefixtures("isas")


def _refusal(data: bytes) -> str:
    with pytest.raises(BackendError) as caught:
        NativeRunner(data, 1)
    return str(caught.value)


@pytest.fixture
def sparse(plans) -> PlanFile:
    """One 3x3 convolution of 40 to 8 channels at 4:32."""
    rng = np.random.default_rng(0)
    arrays = [*plans.sparse_arrays(rng, 8, 40, (3, 3), 4, 32), np.zeros(8, np.float32)]
    geometry = (40, 8, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 0, 1)
    plan = plans.plan([40, 8], [plans.op(plans.OpType.CONV, *geometry, arrays=(0, 1, 2, -1))], arrays, m=32)
    NativeRunner(plan.to_bytes(), 1)
    return plan


def _with_op(plan: PlanFile, **fields: object) -> bytes:
    return replace(plan, ops=(replace(plan.ops[0], **fields), *plan.ops[1:])).to_bytes()


@pytest.mark.parametrize(
    ("index", "value", "message"),
    [
        (0, 0, "p[0], channels"),
        (0, 32, "array[0] has"),
        (1, 9, "array[0] has"),
        (1, 1 << 20, "p[1], channels made"),
        (2, 65, "p[2], kernel"),
        (4, 0, "p[4], stride"),
        (5, -1, "p[5], stride"),
        (6, -1, "p[6], padding"),
        (9, 2**31 - 1, "p[9], padding"),
        (10, 0, "p[10], dilation"),
        (10, 64, "reach"),
        (12, 0, "p[12], groups"),
        (12, 3, "p[12], groups, does not divide"),
        (13, 5, "array[0] has"),
        (13, 33, "p[13], n"),
        (14, 4, "p[14], combine"),
        (14, 1, "in[1]"),
        (15, 0, "p[15], shuffle"),
        (15, 3, "p[15], shuffle, squared"),
    ],
)
def test_parameter_of_a_convolution(sparse, index, value, message):
    p = list(sparse.ops[0].p)
    p[index] = value
    why = _refusal(_with_op(sparse, p=tuple(p)))
    assert "operation 0 (Conv)" in why
    assert message in why


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ins": (-1, -1)}, "in[0]"),
        ({"ins": (2, -1)}, "in[0]"),
        ({"ins": (1, -1), "in_channels": (0, 0)}, "in[0]'s first channel"),
        ({"in_channels": (1, 0)}, "in[0]'s first channel"),
        ({"in_channels": (-1, 0)}, "in[0]'s first channel"),
        ({"ins": (0, 0)}, "in[1] must be -1"),
        ({"out": 0}, "out is the image"),
        ({"out": -1}, "out"),
        ({"out_channel": 1}, "out's first channel"),
        ({"act": 12}, "act"),
        ({"act": 3}, "array[3]"),
        ({"f": (float("nan"), 0.0, 0.0, 0.0)}, "f is not finite"),
        ({"act": 4, "f": (0.0, 0.0, 1.0, -1.0)}, "f[2]"),
        ({"arrays": (0, -1, 2, -1)}, "array[1]"),
        ({"arrays": (0, 0, 2, -1)}, "array[1]"),
        ({"arrays": (3, 1, 2, -1)}, "array[0]"),
        ({"arrays": (0, 1, 2, 2)}, "array[3] must be -1"),
    ],
)
def test_other_field_of_a_convolution(sparse, fields, message):
    why = _refusal(_with_op(sparse, **fields))
    assert "operation 0 (Conv)" in why
    assert message in why


@pytest.mark.parametrize(
    ("positions", "message"),
    [(lambda p: p + 32, "outside its group"), (lambda p: p * 0, "twice in a group")],
)
def test_positions(sparse, positions, message):
    stored = np.frombuffer(sparse.arrays[1], np.uint8)
    changed = replace(sparse, arrays=(sparse.arrays[0], positions(stored).astype(np.uint8).tobytes(), sparse.arrays[2]))
    assert message in _refusal(changed.to_bytes())


@pytest.mark.parametrize("array", [0, 2])
def test_weights_and_bias_are_finite(sparse, array):
    arrays = list(sparse.arrays)
    values = np.frombuffer(arrays[array], np.float32).copy()
    values[3] = np.inf
    arrays[array] = values.tobytes()
    assert f"array[{array}] is not finite at 3" in _refusal(replace(sparse, arrays=tuple(arrays)).to_bytes())


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (0, b"onnx\0\0\0\0", "magic"),
        (1, 2, "version 2"),
        (2, 0, "values"),
        (2, 2**31, "values"),
        (3, 4, "the file has"),
        (4, 2**32 - 1, "ops"),
        (5, 2, "input is no value"),
        (6, 7, "output is no value"),
        (7, 0, "row_align"),
        (7, 4096, "row_align"),
        (8, 257, "m out of range"),
        (9, 2**63, "blob_bytes"),
    ],
)
def test_header(sparse, field, value, message):
    data = sparse.to_bytes()
    fields = list(HEADER.unpack_from(data))
    fields[field] = value
    assert message in _refusal(HEADER.pack(*fields) + data[HEADER.size :])


def test_order_of_writing_and_reading(plans):
    def unary(**fields: int | tuple[int, int]) -> object:
        return plans.op(plans.OpType.UNARY, 2, **fields)

    early = plans.plan([2, 2, 2], [unary(ins=(1, -1), out=2), unary()], [])
    assert "operation 0 (Unary): in[0] is read before it is written" in _refusal(early.to_bytes())
    twice = plans.plan([2, 3], [unary(), unary(out_channel=1)], [])
    assert "operation 1 (Unary): out is written twice" in _refusal(twice.to_bytes())
    half = plans.plan([2, 3], [unary()], [])
    assert "output is not written whole" in _refusal(half.to_bytes())
    gap = plans.plan(
        [2, 5, 4], [unary(), unary(out_channel=3), plans.op(plans.OpType.UNARY, 4, ins=(1, -1), out=2)], []
    )
    assert "operation 2 (Unary): in[0] is read before it is written" in _refusal(gap.to_bytes())


def test_arrays_lie_within_the_file(sparse):
    data = bytearray(sparse.to_bytes())
    first = HEADER.size + 4 * len(sparse.values)
    for offset, message in ((1, "no multiple of 64"), (1 << 40, "past the file's end")):
        data[first : first + 8] = offset.to_bytes(8, "little")
        assert f"array 0: {'offset is ' * (offset == 1)}" in _refusal(bytes(data))
        assert message in _refusal(bytes(data))


def test_every_shorter_file_is_refused(sparse):
    data = sparse.to_bytes()
    for size in (0, 1, 47, 48, 60, 200, len(data) - 1):
        _refusal(data[:size])
    _refusal(data + b"\0")


def test_small_file_cannot_ask_for_much_memory(plans):
    """One array of weights in thousands of convolutions would unfold to gigabytes."""
    weights = np.zeros((64, 64, 3, 3), np.float32)
    geometry = (64, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1)
    ops = [plans.op(plans.OpType.CONV, *geometry, ins=(i, -1), out=i + 1, arrays=(0, -1, -1, -1)) for i in range(4000)]
    shared = plans.plan([64] * 4001, ops, [weights])
    assert "operation 64 (Conv): the file's weights are used too often" in _refusal(shared.to_bytes())
