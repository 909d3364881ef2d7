"""Where an engine's time goes, operation by operation, on backends whose runners are `Timed`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from slsc.passes.lowering.nmp import Act, BinaryKind, Combine, Op, OpType, PlanFile

BY_ANOTHER = ", done by a later one"
"""Of a convolution that the engine made one with a later one, or runs with it."""


@dataclass(frozen=True)
class Operation:
    """One operation of a plan.

    Attributes:
        index: place in the plan.
        what: its kind and shape, such as "conv 3x3 64>64 4:32 relu".
        ms: median time, milliseconds.
        share: of all operations' time, 0..1.
        gmac: multiply-accumulates / 10^9, pruned ones left out.
        gflops: two operations per multiply-accumulate, / 10^9, per second.
    """

    index: int
    what: str
    ms: float
    share: float
    gmac: float
    gflops: float


def operations(plan: bytes, seconds: Sequence[Sequence[float]], macs: Sequence[int]) -> list[Operation]:
    """The operations of a plan file with what they took.

    Args:
        plan: the file.
        seconds: shape (runs, operations).
        macs: of each operation.
    """
    parsed = PlanFile.from_bytes(plan)
    medians = np.median(np.asarray(seconds), axis=0)
    total = float(medians.sum())
    return [
        Operation(
            index=index,
            what=describe(op, parsed.m) + (BY_ANOTHER if op.type is OpType.CONV and not count else ""),
            ms=1e3 * took,
            share=took / total if total else 0.0,
            gmac=count / 1e9,
            gflops=2 * count / 1e9 / took if took else 0.0,
        )
        for index, (op, took, count) in enumerate(zip(parsed.ops, map(float, medians), macs, strict=True))
    ]


PER_OPERATION: Mapping[str, Callable[[bytes, Sequence[Sequence[float]], Sequence[int]], list[Operation]]] = {
    "native": operations
}
"""Kind of artefact -> its operations, as `operations` tells those of a plan file."""


def describe(op: Op, m: int) -> str:
    """An operation in a few words; `m` is the plan's group size."""
    words = [op.type.name.lower().replace("_", " ")]
    if op.type is OpType.CONV:
        words += _conv_words(op, m)
    elif op.type is OpType.BINARY:
        words = [BinaryKind(op.p[1]).name.lower().replace("_", " "), str(op.p[0])]
    else:
        words.append(str(op.p[0]))
    if op.act is not Act.NONE:
        words.append(op.act.name.lower().replace("_", " "))
    return " ".join(words)


def _conv_words(op: Op, m: int) -> list[str]:
    channels, made, height, width, stride_h, stride_w = op.p[:6]
    groups, n, combine, shuffle = op.p[12:16]
    words = [f"{height}x{width}", f"{channels}>{made}"]
    if (stride_h, stride_w) != (1, 1):
        words.append(f"stride {stride_h}" if stride_h == stride_w else f"stride {stride_h}x{stride_w}")
    if groups > 1:
        words.append(f"groups {groups}")
    words.append(f"{n}:{m}" if 0 < n < m else "dense")
    if Combine(combine) is not Combine.NONE:
        words.append("multiply" if Combine(combine) is Combine.ACT_THEN_MUL else "add")
    if shuffle > 1:
        words.append(f"shuffle {shuffle}")
    return words
