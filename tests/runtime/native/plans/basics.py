"""What random plans are made of."""

from __future__ import annotations

import numpy as np

from slsc.passes.lowering.nmp import Act, Op, OpType, PlanFile
from slsc.pattern import group_sizes, kept_in_group

SMALLEST = 9
ACTS = tuple(act for act in Act if act not in (Act.PRELU, Act.SQRT))
Array = np.ndarray
Random = np.random.Generator


def op(kind: OpType, *p: int, ins: tuple[int, int] = (0, -1), out: int = 1, **rest: object) -> Op:
    """An operation from value 0 to value 1 unless told otherwise."""
    fields: dict[str, object] = {"act": Act.NONE, "in_channels": (0, 0), "out_channel": 0, "f": (0.0, 0.0, 0.0, 0.0)}
    fields |= {"arrays": (-1, -1, -1, -1)} | rest
    return Op(type=kind, ins=ins, out=out, p=p, **fields)  # type: ignore[arg-type]


def plan(values: list[int], ops: list[Op], arrays: list[Array], row_align: int = 1, m: int = 0) -> PlanFile:
    """A plan from value 0 to the last."""
    return PlanFile(0, len(values) - 1, row_align, m, tuple(values), tuple(ops), tuple(a.tobytes() for a in arrays))


def identity(channels: int = 1) -> PlanFile:
    """One operation that changes nothing."""
    return plan([channels, channels], [op(OpType.UNARY, channels)], [])


def floats(rng: Random, *shape: int) -> Array:
    return rng.standard_normal(shape).astype(np.float32)


def random_act(rng: Random) -> tuple[Act, tuple[float, float, float, float]]:
    act = ACTS[rng.integers(len(ACTS))]
    f2 = float(np.float32(rng.uniform(-0.5, 0.5)))
    return act, (0.0, 0.0, f2, f2 + float(np.float32(rng.uniform(0.1, 2))))


def sparse_arrays(rng: Random, made: int, channels: int, kernel: tuple[int, int], n: int, m: int) -> list[Array]:
    """Rank-major values and positions of random weights (see plan.hpp)."""
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
