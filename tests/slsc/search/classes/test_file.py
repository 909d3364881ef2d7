"""A classifier's file gives back its bits, and what is no classifier is refused."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from slsc.errors import DataError
from slsc.runtime.adaptive.estimator import Quadratic, read_quadratic
from slsc.runtime.bundle.estimators import CLASSES, FEATURES, TERMS, EstimatorRecord
from slsc.search.base import Classes
from slsc.search.classes.file import MOST_BYTES, read_classes, write_classes

RNG = np.random.default_rng(0)


def classes() -> Classes:
    numbers = RNG.standard_normal(FEATURES), RNG.random(FEATURES) + 0.1, RNG.standard_normal((TERMS, 3))
    return Classes(Quadratic(*(each.astype(np.float32) for each in numbers)), Fraction(11, 20))


def test_what_is_written_is_read_to_the_bit(tmp_path: Path) -> None:
    written = classes()
    write_classes(written, tmp_path / "net.classes.safetensors")
    found = read_classes(tmp_path / "net.classes.safetensors", 3)
    assert found.average == written.average
    data = found.quadratic.to_bytes()
    assert data == written.quadratic.to_bytes()
    record = EstimatorRecord(CLASSES, "e", ("1-4", "1-2", "3-4"), False, (24, 24), 0.0, 0.0, 0.55, {}, {})
    assert read_quadratic(record, data).to_bytes() == data


def arrays(**changes: object) -> dict[str, np.ndarray]:
    found = {name: getattr(classes().quadratic, name) for name in ("mean", "deviation", "weights")}
    return {**found, "average": np.array([1, 2]), **changes}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "data",
    {
        "another count": save(arrays(weights=np.zeros((TERMS, 2), np.float32))),
        "another part": save({**arrays(), "more": np.zeros(1, np.float32)}),
        "a part less": save({"mean": np.zeros(FEATURES, np.float32)}),
        "no numbers": save(arrays(mean=np.full(FEATURES, np.nan, np.float32))),
        "no deviation": save(arrays(deviation=np.zeros(FEATURES, np.float32))),
        "other types": save(arrays(mean=np.zeros(FEATURES, np.float64))),
        "no average": save(arrays(average=np.array([1, 0]))),
        "an average of all": save(arrays(average=np.array([3, 2]))),
        "no safetensors": b"\x93NUMPY",
        "nothing": b"",
        "much": bytes(MOST_BYTES + 1),
    }.values(),
)
def test_what_is_no_classifier_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "net.safetensors").write_bytes(data)
    with pytest.raises(DataError, match="cannot read the classes"):
        read_classes(tmp_path / "net.safetensors", 3)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read the classes"):
        read_classes(tmp_path / "net.safetensors", 3)
