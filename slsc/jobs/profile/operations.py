"""Where an engine's time goes, by the operations of plans whose runners are `Timed`, or by other backends' nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from slsc.passes.lowering.nmp import Op, PlanFile
from slsc.passes.lowering.nmp_ops import Act, Binary, Combine, Conv, Convolution
from slsc.runtime.backends import NodeTimes

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
        gmac: multiply-accumulates / 10^9, without the pruned ones where the backend leaves them out; None where it does
            not tell.
        gflops: two operations per multiply-accumulate, / 10^9, per second; None likewise.
    """

    index: int
    what: str
    ms: float
    share: float
    gmac: float | None
    gflops: float | None


def operations(plan: bytes, seconds: Sequence[Sequence[float]], macs: Sequence[int]) -> list[Operation]:
    """The operations of a plan file with what they took.

    Args:
        plan: the file.
        seconds: shape (runs, operations).
        macs: of each operation.
    """
    parsed = PlanFile.from_bytes(plan)
    by_operation = zip(parsed.ops, np.asarray(seconds).T.tolist(), macs, strict=True)
    return node_operations(
        [NodeTimes(_told(op, count, parsed.m), tuple(took), count) for op, took, count in by_operation]
    )


def _told(op: Op, macs: int, m: int) -> str:
    return describe(op, m) + (BY_ANOTHER if isinstance(op.params, Conv) and not macs else "")


def node_operations(nodes: Sequence[NodeTimes]) -> list[Operation]:
    """Nodes of an engine with the medians of what they took."""
    medians = [float(np.median(node.seconds)) for node in nodes]
    total = sum(medians)
    return [
        Operation(
            index=index,
            what=node.what,
            ms=1e3 * took,
            share=took / total if total else 0.0,
            gmac=None if node.macs is None else node.macs / 1e9,
            gflops=None if node.macs is None else 2 * node.macs / 1e9 / took if took else 0.0,
        )
        for index, (node, took) in enumerate(zip(nodes, medians, strict=True))
    ]


PER_OPERATION: Mapping[str, Callable[[bytes, Sequence[Sequence[float]], Sequence[int]], list[Operation]]] = {
    "native": operations
}
"""Kind of artefact -> its operations, as `operations` tells those of a plan file."""


def describe(op: Op, m: int) -> str:
    """An operation in a few words; `m` is the plan's group size."""
    words = [_spelled(op.type), str(op.params.channels)]
    if isinstance(op.params, Convolution):
        words = [_spelled(op.type), *_conv_words(op.params, m)]
    elif isinstance(op.params, Binary):
        words = [_spelled(op.params.kind), str(op.params.channels)]
    if op.act is not Act.NONE:
        words.append(_spelled(op.act))
    return " ".join(words)


def _spelled(name: IntEnum) -> str:
    return name.name.lower().replace("_", " ")


def _conv_words(conv: Convolution, m: int) -> list[str]:
    words = [f"{conv.kernel_h}x{conv.kernel_w}", f"{conv.channels}>{conv.made}"]
    if (conv.stride_h, conv.stride_w) != (1, 1):
        square = conv.stride_h == conv.stride_w
        words.append(f"stride {conv.stride_h}" if square else f"stride {conv.stride_h}x{conv.stride_w}")
    if conv.groups > 1:
        words.append(f"groups {conv.groups}")
    words.append(f"{conv.n}:{m}" if 0 < conv.n < m else "dense")
    if conv.combine is not Combine.NONE:
        words.append("multiply" if conv.combine is Combine.ACT_THEN_MUL else "add")
    if conv.shuffle > 1:
        words.append(f"shuffle {conv.shuffle}")
    return words
