"""Whether 2:4 hardware can take a convolution, and if not, why not."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from slsc.passes.analysis.layers import ConvLayer
from slsc.pattern import WINDOW, WINDOW_KEEP, first_2to4_violation, first_violation

ELIGIBLE, DENSE = "eligible", "dense"


@dataclass(frozen=True)
class Verdict:
    """What sparse tensor cores can do with a weight as it stands.

    Attributes:
        reason: in a word, why they cannot: "computed", "transposed", "grouped", "C%4", "N>M/2" with the numbers, or
            "window"; empty when they can.
        detail: the same with figures.
        first_bad: (k, c, r, s) of the first window of 4 input channels that holds more than 2 non-zeros: output
            channel, first input channel, kernel position; None where windows are not what is wrong.
    """

    reason: str = ""
    detail: str = ""
    first_bad: tuple[int, ...] | None = None

    @property
    def eligible(self) -> bool:
        """Whether they can."""
        return not self.reason


def verdict_of(layer: ConvLayer, weight: npt.NDArray[Any] | None, m: int) -> Verdict:
    """Judge a weight by TensorRT's conditions.

    1. A plain convolution of one convolution group, its weight a constant.
    2. Input channels a multiple of 4.
    3. In every aligned window of 4 input channels, at every output channel and kernel position, at most 2 non-zeros;
       one bad window disqualifies the layer.

    Eligible does not mean faster: the builder times both ways and seldom picks narrow layers.

    Args:
        layer: the convolution.
        weight: its numbers; None where they are computed.
        m: group size; a weight that keeps more than half of a group of M breaks 3 whatever the choice.
    """
    shape = refused_by_shape(layer)
    if weight is None:
        return Verdict("computed", "computed weight")
    if not shape.eligible:
        return shape
    bad = first_2to4_violation(weight)
    if bad is None:
        return Verdict()
    k, c, *position = bad
    held = np.count_nonzero(np.moveaxis(weight[k, c : c + WINDOW], 0, -1)[tuple(position)])
    where = f"{held} of {WINDOW} at (k,c,r,s) = ({', '.join(map(str, bad))})"
    n = tightest_n(weight, m)
    if not fits(n, m):
        return Verdict(f"N>{m // 2}", f"{n}:{m}, {where}" if n < m else where, bad)
    return Verdict("window", where, bad)


def refused_by_shape(layer: ConvLayer) -> Verdict:
    """As `verdict_of`, whatever the weight holds: conditions 1 and 2."""
    if layer.node.startswith("ConvTranspose"):
        return Verdict("transposed", "transposed convolution")
    if layer.groups > 1:
        return Verdict("grouped", f"{layer.groups} convolution groups")
    if layer.shape and layer.shape[1] % WINDOW:
        return Verdict(f"C%{WINDOW}", f"{layer.shape[1]} input channels, no multiple of {WINDOW}")
    return Verdict()


def fits(n: int, m: int) -> bool:
    """Whether an N:M layer keeps at most the share that 2:4 hardware takes."""
    return n * WINDOW <= m * WINDOW_KEEP


def tightest_n(weight: npt.NDArray[Any], m: int) -> int:
    """The smallest N such that `weight`, shaped (K, C, ...), is N:M; M where no weight is zero."""
    if np.all(weight):
        return m
    return 1 + bisect.bisect_left(range(1, m), True, key=lambda n: first_violation(weight, n, m) is None)
