"""The native engine's plan file (`.nmp`): its numbers, and bytes to and from records.

The format is specified in `runtime/native/src/plan.hpp`: little-endian, Header | Value[] | Array[] | Op[] | blob.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

MAGIC = b"SLSCNMP\0"
VERSION = 1
ALIGNMENT = 64
"""Of every array in the blob, bytes."""

HEADER = struct.Struct("<8s8IQ")
VALUE = struct.Struct("<I")
ARRAY = struct.Struct("<2Q")
OP = struct.Struct("<2I2i2i2i16i4f4i")

PARAMETERS, FLOATS, ARRAYS = 16, 4, 4
"""Numbers of p, f and array fields of an operation."""


class OpType(IntEnum):
    """What an operation does; see `OpType` of plan.hpp for the fields of each."""

    CONV = 1
    BINARY = 2
    UNARY = 3
    POOL = 4
    GLOBAL_MEAN = 5
    RESIZE = 6
    PAD = 7
    DEPTH_TO_SPACE = 8
    SPACE_TO_DEPTH = 9
    CHANNEL_MEAN = 10


class Act(IntEnum):
    """Activation functions."""

    NONE = 0
    RELU = 1
    LEAKY_RELU = 2
    PRELU = 3
    CLIP = 4
    SIGMOID = 5
    TANH = 6
    GELU = 7
    SILU = 8
    HARD_SIGMOID = 9
    HARD_SWISH = 10
    SQRT = 11


class Combine(IntEnum):
    """What a convolution does with its second input."""

    NONE = 0
    ADD_THEN_ACT = 1
    ACT_THEN_ADD = 2
    ACT_THEN_MUL = 3


class BinaryKind(IntEnum):
    """Elementwise operations of two inputs; REV_SUB is in1 - in0."""

    ADD = 0
    SUB = 1
    MUL = 2
    DIV = 3
    MAX = 4
    MIN = 5
    REV_SUB = 6
    REV_DIV = 7


class Spread(IntEnum):
    """How the second input spreads over the first."""

    SAME = 0
    PIXEL = 1
    CHANNEL = 2


@dataclass(frozen=True)
class Op:
    """One operation; fields as in plan.hpp. -1 stands for an input or array that is not there.

    Attributes:
        type: what it does.
        act: activation.
        ins: values read.
        in_channels: first channel read of each.
        out: value written.
        out_channel: first channel written.
        p: integers, up to 16.
        f: floats, 4.
        arrays: indices into the file's arrays, 4.
    """

    type: OpType
    act: Act
    ins: tuple[int, int]
    in_channels: tuple[int, int]
    out: int
    out_channel: int
    p: tuple[int, ...]
    f: tuple[float, float, float, float]
    arrays: tuple[int, int, int, int]


@dataclass(frozen=True)
class PlanFile:
    """A plan file's content.

    Attributes:
        input: value the image enters by.
        output: value the restored image leaves by.
        row_align: strips are a multiple of this many image rows.
        m: group size of the sparse weights, 0 when there is none.
        values: channels of each value.
        ops: in the order they run.
        arrays: weights and the like, each as its bytes.
    """

    input: int
    output: int
    row_align: int
    m: int
    values: tuple[int, ...]
    ops: tuple[Op, ...]
    arrays: tuple[bytes, ...]

    def floats(self, index: int) -> npt.NDArray[np.float32]:
        """An array as float32."""
        return np.frombuffer(self.arrays[index], "<f4")

    def to_bytes(self) -> bytes:
        """The file."""
        blob, places = bytearray(), []
        for data in self.arrays:
            blob.extend(bytes(-len(blob) % ALIGNMENT))
            places.append((len(blob), len(data)))
            blob.extend(data)
        counts = (VERSION, len(self.values), len(self.arrays), len(self.ops))
        header = HEADER.pack(MAGIC, *counts, self.input, self.output, self.row_align, self.m, len(blob))
        parts = [header, *map(VALUE.pack, self.values), *(ARRAY.pack(*place) for place in places)]
        return b"".join((*parts, *map(_pack, self.ops), bytes(blob)))

    @classmethod
    def from_bytes(cls, data: bytes) -> PlanFile:
        """Read a file that this class wrote; for untrusted ones there is the engine's own loader.

        Raises:
            ValueError, struct.error: it is none.
        """
        magic, version, values, arrays, ops, source, target, row_align, m, blob_bytes = HEADER.unpack_from(data)
        if (magic, version) != (MAGIC, VERSION):
            raise ValueError(f"no plan of version {VERSION}")
        places_at = HEADER.size + values * VALUE.size
        ops_at = places_at + arrays * ARRAY.size
        blob_at = ops_at + ops * OP.size
        if len(data) != blob_at + blob_bytes:
            raise ValueError(f"{len(data)} bytes, not {blob_at + blob_bytes}")
        places = ARRAY.iter_unpack(data[places_at:ops_at])
        return cls(
            input=source,
            output=target,
            row_align=row_align,
            m=m,
            values=tuple(channels for (channels,) in VALUE.iter_unpack(data[HEADER.size : places_at])),
            ops=tuple(map(_unpack, OP.iter_unpack(data[ops_at:blob_at]))),
            arrays=tuple(data[blob_at + offset :][:size] for offset, size in places),
        )


def _pack(op: Op) -> bytes:
    integers = (*op.p, *[0] * (PARAMETERS - len(op.p)))
    places = (*op.ins, *op.in_channels, op.out, op.out_channel)
    return OP.pack(op.type, op.act, *places, *integers, *op.f, *op.arrays)


def _unpack(fields: tuple[int, ...]) -> Op:
    return Op(
        type=OpType(fields[0]),
        act=Act(fields[1]),
        ins=(fields[2], fields[3]),
        in_channels=(fields[4], fields[5]),
        out=fields[6],
        out_channel=fields[7],
        p=fields[8:24],
        f=(fields[24], fields[25], fields[26], fields[27]),
        arrays=(fields[28], fields[29], fields[30], fields[31]),
    )
