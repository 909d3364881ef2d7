"""What random plans are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from slsc.passes.lowering import nmp
from slsc.passes.lowering.nmp import ABSENT, Act, Combine, Conv, DType, Op, PlanFile, Unary
from slsc.pattern import group_sizes, kept_in_group

SMALLEST = 9
ACTS = tuple(act for act in Act if act not in (Act.PRELU, Act.SQRT))
DTYPES = {np.dtype(np.float32): DType.F32, np.dtype(np.uint16): DType.BF16, np.dtype(np.uint8): DType.U8}
Array = np.ndarray
Random = np.random.Generator


def conv(
    channels: int,
    made: int,
    kernel: tuple[int, int] = (3, 3),
    *,
    strides: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] | None = None,
    dilations: tuple[int, int] = (1, 1),
    groups: int = 1,
    n: int = 0,
    combine: Combine = Combine.NONE,
    shuffle: int = 1,
    weights: int = 0,
    positions: int = ABSENT,
    bias: int = ABSENT,
) -> Conv:
    """A convolution, of the input's size unless told otherwise."""
    kh, kw = kernel
    sides = (kh // 2, kw // 2) * 2 if pads is None else pads
    return Conv(
        channels, made, kh, kw, *strides, *sides, *dilations, groups, n, combine, shuffle, weights, positions, bias
    )


def plan(
    values: Sequence[int], ops: Sequence[Op], arrays: Sequence[Array | nmp.Array], row_align: int = 1, m: int = 0
) -> PlanFile:
    """A plan from value 0 to the last."""
    stored = tuple(a if isinstance(a, nmp.Array) else nmp.Array(a.tobytes(), DTYPES[a.dtype]) for a in arrays)
    return PlanFile(0, len(values) - 1, row_align, m, tuple(values), tuple(ops), stored)


def identity(channels: int = 1) -> PlanFile:
    """One operation that changes nothing."""
    return plan([channels, channels], [Op(Unary(channels, ABSENT, ABSENT))], [])


def floats(rng: Random, *shape: int) -> Array:
    return rng.standard_normal(shape).astype(np.float32)


class Activated(TypedDict):
    """An activation as fields of an `Op`."""

    act: Act
    act_a: float
    act_b: float


def random_act(rng: Random) -> Activated:
    act = ACTS[rng.integers(len(ACTS))]
    a = float(np.float32(rng.uniform(-0.5, 0.5)))
    return {"act": act, "act_a": a, "act_b": a + float(np.float32(rng.uniform(0.1, 2)))}


def sparse_arrays(rng: Random, made: int, channels: int, kernel: tuple[int, int], n: int, m: int) -> list[Array]:
    """Rank-major values and positions of random weights (see plan-file.md)."""
    sizes = group_sizes(channels, m)
    order = [[rng.permutation(size) for size in sizes] for _ in range(made * kernel[0] * kernel[1])]
    positions = [
        groups[index][rank]
        for rank in range(n)
        for groups in order
        for index, size in enumerate(sizes)
        if rank < kept_in_group(n, m, size)
    ]
    return [floats(rng, len(positions)), np.array(positions, np.uint8)]
