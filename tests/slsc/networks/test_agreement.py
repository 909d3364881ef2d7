"""Two runners of one network, told apart where any size shows a difference."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from slsc.networks.agreement import decibels
from slsc.runtime.backends.base import Batch
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.value_range import UNIT


class Function:
    """A runner that computes a function of the batch, and remembers the sizes it saw."""

    def __init__(self, compute: Callable[[Batch], Batch]) -> None:
        self._compute = compute
        self.sizes: list[tuple[int, ...]] = []

    def run(self, batch: Batch) -> Batch:
        self.sizes.append(batch.shape[2:])
        return self._compute(batch)


def interface(**changes: object) -> ImageIO:
    fields = {
        "channels": 3,
        "order": "RGB",
        "input_range": UNIT,
        "output_range": UNIT,
        "input": "x",
        "output": "y",
        "scale": 1,
    }
    fields |= {"task": "restore", "fixed_hw": None, "multiple_of": (1, 1)}
    return ImageIO(**{**fields, **changes})  # type: ignore[arg-type]


def test_equal_runners_agree_without_bound() -> None:
    assert decibels(Function(lambda x: 2 * x), Function(lambda x: x + x), interface()) == math.inf


def test_the_worst_size_counts() -> None:
    """An odd size is among those compared."""
    slightly_off = Function(lambda x: x + np.float32(0.01 if x.shape[2] % 2 else 0.0001))
    assert decibels(Function(lambda x: x), slightly_off, interface()) == pytest.approx(40, abs=0.1)


@pytest.mark.parametrize(("changes", "divisor"), [({"multiple_of": (8, 16)}, (8, 16)), ({"fixed_hw": (24, 40)}, None)])
def test_only_sizes_the_network_takes_are_run(changes: dict[str, object], divisor: tuple[int, int] | None) -> None:
    runner = Function(lambda x: x)
    decibels(Function(lambda x: x), runner, interface(**changes))
    if divisor is None:
        assert runner.sizes == [(24, 40)]
    else:
        assert all(rows % divisor[0] == 0 and columns % divisor[1] == 0 for rows, columns in runner.sizes)


def test_a_result_that_is_no_number_agrees_with_nothing() -> None:
    assert decibels(Function(lambda x: x), Function(lambda x: x * np.nan), interface()) == -math.inf
