"""The file that `slsc train` leaves a classifier in, for `slsc compile` to package: safetensors, read strictly."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from slsc.errors import BudgetError, DataError
from slsc.plan import parse_budget
from slsc.runtime.adaptive.estimator import Quadratic
from slsc.runtime.atomic import staged
from slsc.runtime.bundle.estimators import FEATURES, FLOAT_BYTES, MAX_ESTIMATED, TERMS
from slsc.runtime.regular_file import require_regular
from slsc.search.base import Classes

PARTS = ("mean", "deviation", "weights")
AVERAGE = "average"
"""Of the numerator and the denominator of `Classes.average`."""

MOST_BYTES = 4096 + FLOAT_BYTES * (2 * FEATURES + TERMS * MAX_ESTIMATED)


def write_classes(classes: Classes, path: Path) -> None:
    """Write a classifier, whole or not at all."""
    arrays = {name: np.ascontiguousarray(getattr(classes.quadratic, name), "<f4") for name in PARTS}
    arrays[AVERAGE] = np.array(classes.average.as_integer_ratio(), np.int64)
    with staged(path) as (stream, _):
        stream.write(save(arrays))


def read_classes(path: Path, count: int) -> Classes:
    """Read what `write_classes` wrote.

    Args:
        path: the file.
        count: classes that it must tell apart.

    Raises:
        DataError: it is missing, damaged, or no classifier of so many classes.
    """
    try:
        require_regular(path)
        if path.stat().st_size > MOST_BYTES:
            raise _unusable(path, f"it is larger than {MOST_BYTES} bytes, the most that a classifier takes")
        arrays = load(path.read_bytes())
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise _unusable(path, (error.strerror if isinstance(error, OSError) else None) or str(error)) from error
    if arrays.keys() != {*PARTS, AVERAGE}:
        odd = min(arrays.keys() ^ {*PARTS, AVERAGE})
        raise _unusable(path, f"{odd[:40]!r} is {'no part of classes' if odd in arrays else 'missing'}")
    average = arrays.pop(AVERAGE)
    if average.shape != (2,) or average.dtype != np.int64:
        raise _unusable(path, f"{AVERAGE!r} is no pair of integers")
    quadratic = Quadratic(**arrays)
    fault = quadratic.fault(count)
    if fault:
        raise _unusable(path, f"for {count} plans {fault}")
    return Classes(quadratic, _average(path, *average.tolist()))


def _average(path: Path, numerator: int, denominator: int) -> Fraction:
    try:
        return parse_budget(f"{numerator}/{denominator}")
    except BudgetError as error:
        raise _unusable(path, f"the average cost is {numerator}/{denominator}") from error


def _unusable(path: Path, why: str) -> DataError:
    return DataError(
        "cannot read the classes",
        where=str(path),
        why=why,
        hint="give the OUT.classes.safetensors that `slsc train --method classpruning` wrote beside its plans",
    )
