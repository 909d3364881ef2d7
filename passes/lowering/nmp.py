"""The native engine's plan file (`.nmp`), version 2: bytes to and from records.

Operations and their parameters are those of `slsc.passes.lowering.nmp_ops`.

The format is specified in `docs/reference/plan-file.md`. Little-endian, without gaps: Header | Feature[] | Value[] |
Array[] | operations, each as long as it says | blob.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any, NamedTuple, get_type_hints

import numpy as np
import numpy.typing as npt

from slsc.passes.lowering.nmp_ops import PARAMS, Act, Conv, OpType, Params, WeightSet

MAGIC = b"SLSCNMP\0"
VERSION = 2
ALIGNMENT = 64
"""Of every array in the blob, bytes."""

HEADER = struct.Struct("<8s10I2Q")
FEATURE = struct.Struct("<32s")
VALUE = struct.Struct("<2I")
ARRAY = struct.Struct("<2QIi")
OP_HEAD = struct.Struct("<2I6iI2fi")
"""Of an operation: what comes before the parameters of its type."""

WEIGHT_SET = struct.Struct("<6i")

WEIGHT_SETS = "weight-sets"
"""The feature of plans that hold several candidates."""

GATES = "gates"
"""The feature of plans in which a convolution's sum with another value is gated by the convolution itself."""

HALF_OPERANDS = "half-operands"
"""The feature of plans in which a HalfConv combines its sums with a BF16 value."""

INT8 = "int8"
"""The feature of plans that have U8 values."""

BF16 = "bf16"
"""The feature of plans that have BF16 values."""

ABSENT = -1
"""Stands for an input or array that is not there."""


class DType(IntEnum):
    """Types of numbers in an array or a value."""

    F32 = 0
    BF16 = 1
    I8 = 2
    U8 = 3


class Array(NamedTuple):
    """Numbers of a plan.

    Attributes:
        data: their bytes, little-endian.
        dtype: their type.
        scale: of I8 the array of float32, one number or one for each output channel, by which they are multiplied.
    """

    data: bytes
    dtype: DType = DType.F32
    scale: int = ABSENT


@dataclass(frozen=True)
class Op:
    """One operation.

    Attributes:
        params: what it does, and the parameters of that.
        ins: values read.
        in_channels: first channel read of each.
        out: value written.
        out_channel: first channel written.
        act: activation.
        act_a, act_b: its numbers; see `Act` in plan-file.md.
        slopes: array of a PReLU's slopes.
        sets: of a Conv, its weights for every candidate but the last, whose are its own; none where all share them.
    """

    params: Params
    ins: tuple[int, int] = (0, ABSENT)
    in_channels: tuple[int, int] = (0, 0)
    out: int = 1
    out_channel: int = 0
    act: Act = Act.NONE
    act_a: float = 0.0
    act_b: float = 0.0
    slopes: int = ABSENT
    sets: tuple[WeightSet, ...] = ()

    @property
    def type(self) -> OpType:
        """What it does."""
        return next(kind for kind, params in PARAMS.items() if isinstance(self.params, params))

    @property
    def weight_set(self) -> WeightSet:
        """Of a Conv: the weights of the last candidate."""
        conv = self.params
        if not isinstance(conv, Conv):
            raise TypeError(f"{type(conv).__name__} has no weights")
        return WeightSet(conv.n, 0, conv.weights, conv.positions, conv.bias, self.slopes)


@dataclass(frozen=True)
class PlanFile:
    """A plan file's content.

    Attributes:
        input: value the image enters by.
        output: value the restored image leaves by.
        row_align: strips are a multiple of this many rows or columns of the image.
        m: group size of the sparse weights, 0 when there is none.
        values: channels of each value.
        ops: in the order they run.
        arrays: weights and the like.
        features: names of what a reader must know to run the plan.
        dtypes: of each value, F32, BF16 or U8; none where all are F32.
    """

    input: int
    output: int
    row_align: int
    m: int
    values: tuple[int, ...]
    ops: tuple[Op, ...]
    arrays: tuple[Array, ...]
    features: tuple[str, ...] = ()
    dtypes: tuple[DType, ...] = ()

    def dtype(self, value: int) -> DType:
        """Type of a value's numbers."""
        return self.dtypes[value] if self.dtypes else DType.F32

    @property
    def candidates(self) -> int:
        """How many networks it holds."""
        return 1 + max((len(op.sets) for op in self.ops), default=0)

    def floats(self, index: int) -> npt.NDArray[np.float32]:
        """An array of float32."""
        return np.frombuffer(self.arrays[index].data, "<f4")

    def to_bytes(self) -> bytes:
        """The file."""
        blob, places = bytearray(), []
        for array in self.arrays:
            blob.extend(bytes(-len(blob) % ALIGNMENT))
            places.append(ARRAY.pack(len(blob), len(array.data), array.dtype, array.scale))
            blob.extend(array.data)
        ops = b"".join(map(_pack, self.ops))
        counts = (len(self.features), len(self.values), len(self.arrays), len(self.ops))
        ends = (self.input, self.output, self.row_align, self.m)
        header = HEADER.pack(MAGIC, VERSION, *counts, *ends, 0, len(ops), len(blob))
        features = (FEATURE.pack(name.encode("ascii")) for name in self.features)
        values = (VALUE.pack(channels, self.dtype(index)) for index, channels in enumerate(self.values))
        return b"".join((header, *features, *values, *places, ops, bytes(blob)))

    @classmethod
    def from_bytes(cls, data: bytes) -> PlanFile:
        """Read a file that this class wrote; for untrusted ones there is the engine's own loader.

        Raises:
            ValueError, struct.error: it is none, or of another version.
        """
        magic, version, *counts, source, target, row_align, m, _, op_bytes, blob_bytes = HEADER.unpack_from(data)
        if (magic, version) != (MAGIC, VERSION):
            raise ValueError(f"no plan of version {VERSION}")
        records = [(FEATURE, counts[0]), (VALUE, counts[1]), (ARRAY, counts[2])]
        sizes = [*(record.size * count for record, count in records), op_bytes, blob_bytes]
        if len(data) != HEADER.size + sum(sizes):
            raise ValueError(f"{len(data)} bytes, not {HEADER.size + sum(sizes)}")
        features, values, arrays, ops, blob = _cut(data[HEADER.size :], sizes)
        return cls(
            input=source,
            output=target,
            row_align=row_align,
            m=m,
            values=tuple(channels for channels, _ in VALUE.iter_unpack(values)),
            dtypes=_dtypes(DType(dtype) for _, dtype in VALUE.iter_unpack(values)),
            ops=tuple(_unpack_all(ops, counts[3])),
            arrays=tuple(
                Array(blob[offset:][:size], DType(dtype), scale)
                for offset, size, dtype, scale in ARRAY.iter_unpack(arrays)
            ),
            features=tuple(name.rstrip(b"\0").decode("ascii") for (name,) in FEATURE.iter_unpack(features)),
        )


def _dtypes(each: Iterable[DType]) -> tuple[DType, ...]:
    dtypes = tuple(each)
    return dtypes if any(dtype != DType.F32 for dtype in dtypes) else ()


def _cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    start = 0
    for size in sizes:
        yield data[start : start + size]
        start += size


@cache
def _fields(kind: OpType) -> tuple[struct.Struct, tuple[type, ...]]:
    """The parameters of an operation as the file has them, and in Python."""
    types = tuple(get_type_hints(PARAMS[kind]).values())
    return struct.Struct("<" + "".join("f" if each is float else "i" for each in types)), types


def _pack(op: Op) -> bytes:
    record, _ = _fields(op.type)
    places = (*op.ins, *op.in_channels, op.out, op.out_channel)
    sets = b"".join(WEIGHT_SET.pack(*each) for each in op.sets)
    size = OP_HEAD.size + record.size + len(sets)
    head = OP_HEAD.pack(op.type, size, *places, op.act, op.act_a, op.act_b, op.slopes)
    return head + record.pack(*op.params) + sets


def _unpack_all(data: bytes, count: int) -> Iterator[Op]:
    start = 0
    for _ in range(count):
        kind, size, *head = OP_HEAD.unpack_from(data, start)
        yield _unpack(OpType(kind), head, data[start + OP_HEAD.size : start + size])
        start += size


def _unpack(kind: OpType, head: list[Any], data: bytes) -> Op:
    record, types = _fields(kind)
    in0, in1, channel0, channel1, out, out_channel, act, act_a, act_b, slopes = head
    return Op(
        params=PARAMS[kind](*(make(value) for make, value in zip(types, record.unpack_from(data), strict=True))),
        ins=(in0, in1),
        in_channels=(channel0, channel1),
        out=out,
        out_channel=out_channel,
        act=Act(act),
        act_a=act_a,
        act_b=act_b,
        slopes=slopes,
        sets=tuple(WeightSet(*each) for each in WEIGHT_SET.iter_unpack(data[record.size :])),
    )
