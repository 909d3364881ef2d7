"""Making sparse weights fit 2:4 hardware by dropping what is too much, where nothing else is left."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from slsc.errors import PlanError
from slsc.passes.base import Pass, PassContext, PassResult, PostconditionError, copy_of
from slsc.passes.graph import set_initializer
from slsc.passes.weights import Weights, weight_values
from slsc.pattern import WINDOW, WINDOW_KEEP, first_2to4_violation, rank_groups


class ProjectTo2to4(Pass):
    """Weights with too full windows -> the nearest weights without.

    1. In every aligned window of 4 input channels, at every output channel and kernel position, the 2 largest
       magnitudes stay as they are and the others become exact zeros; of equal ones the lower channel stays. No other
       weights of that pattern are as near in the sum of squares.
    2. N:M that held before holds afterwards: weights only become zero.
    3. The report says by layer how many weights were dropped, and the share of its energy (sum of squares) lost.

    Args:
        names: the weights to project, (K, C, ...) each.
    """

    name = "project-to-2to4"
    preserves_function = False

    def __init__(self, names: Collection[str]) -> None:
        self.names = tuple(names)

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Rules 1 to 3."""
        result = copy_of(model)
        held = Weights(result).by_name()
        report: dict[str, dict[str, float]] = {}
        for name in self.names:
            if name not in held:
                raise PlanError("the graph has no initializer of that name", where=name)
            values = held[name].values
            fresh = projected(values)
            dropped = int(np.count_nonzero(values) - np.count_nonzero(fresh))
            if dropped:
                set_initializer(result, name, held[name].restored(fresh))
                report[name] = {"dropped": dropped, "energy_lost": energy_lost(values, fresh)}
        return PassResult(result, bool(report), {"layers": report})

    def ensures(self, model: onnx.ModelProto, context: PassContext) -> None:
        """No window of a projected weight holds more than 2 non-zeros."""
        written = weight_values(model)
        for name in self.names:
            bad = first_2to4_violation(written[name])
            if bad is not None:
                raise PostconditionError("a window is too full", where=name, why=f"at (k,c,r,s) = {bad}")


def projected(weight: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The nearest weight, in the sum of squares, of which no aligned window of 4 channels has more than 2 non-zeros."""
    ranks = rank_groups(np.abs(weight), WINDOW)
    return np.where(ranks < WINDOW_KEEP, weight, np.zeros_like(weight))


def energy_lost(before: npt.NDArray[Any], after: npt.NDArray[Any]) -> float:
    """Share of the sum of squares that is gone, 0..1."""
    whole = float(np.square(before, dtype=np.float64).sum())
    return 1 - float(np.square(after, dtype=np.float64).sum()) / whole if whole else 0.0
