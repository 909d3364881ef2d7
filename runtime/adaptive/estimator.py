"""Estimated errors: what every candidate would make of every region of an image, before any is run (f of Eq. 8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from slsc.errors import BundleError
from slsc.runtime.adaptive.features import NAMES, features
from slsc.runtime.adaptive.regions import Regions
from slsc.runtime.bundle.estimators import FEATURES, EstimatorRecord
from slsc.runtime.bundle.faults import BundleFault

assert len(NAMES) == FEATURES

Floats = npt.NDArray[np.float32]

LOWEST, HIGHEST = -8.0, 12.0
"""Logarithms of mean squared errors (levels of 0..255) end here: beyond lies nothing that an 8-bit photo can have."""


@dataclass(frozen=True)
class Perceptron:
    """Layers of weights, each but the last followed by a rectifier.

    Attributes:
        mean, deviation: (F,) of each feature where it was trained.
        layers: (weights (before, after), biases (after,)).
    """

    mean: Floats
    deviation: Floats
    layers: Sequence[tuple[Floats, Floats]]

    def __call__(self, values: Floats) -> Floats:
        """(N, F) features to (N, K) estimates."""
        found = (values - self.mean) / self.deviation
        for index, (weight, bias) in enumerate(self.layers):
            found = found @ weight + bias
            if index < len(self.layers) - 1:
                found = np.maximum(found, 0)
        return found

    def to_bytes(self) -> bytes:
        """As the bundle keeps them: float32, little-endian, in the order of the attributes."""
        parts = [self.mean, self.deviation, *(part.ravel() for layer in self.layers for part in layer)]
        return np.concatenate(parts).astype("<f4").tobytes()


@dataclass(frozen=True)
class Estimates:
    """Estimated mean squared errors of an image's regions, levels of 0..255.

    Attributes:
        candidates: (K, rows, columns).
        dense: (rows, columns) of the dense network; None where that is not known.
    """

    candidates: npt.NDArray[np.float64]
    dense: npt.NDArray[np.float64] | None


class Estimator:
    """An estimator of a bundle.

    Args:
        record: what the manifest says of it.
        data: its entry.

    Raises:
        BundleError: the entry is not of the size that the record asks for, or holds what is no number.
    """

    def __init__(self, record: EstimatorRecord, data: bytes) -> None:
        self.record = record
        if len(data) != record.bytes:
            raise _malformed(record, f"{record.entry} has {len(data)} bytes, the manifest asks for {record.bytes}")
        numbers = np.frombuffer(data, "<f4").astype(np.float32)
        if not np.isfinite(numbers).all():
            raise _malformed(record, f"{record.entry} holds values that are not numbers")
        self._network = _unpacked(numbers, record.widths)
        if not (self._network.deviation > 0).all():
            raise _malformed(record, f"{record.entry} holds a deviation that is not above 0")

    def __call__(self, pixels: npt.NDArray[Any]) -> Estimates:
        """Estimate, of HxWx1 or HxWx3 pixels of any dtype that photos have."""
        regions = Regions(*pixels.shape[:2], self.record.side)
        measured = features(pixels, regions)
        logs = self._network(measured.reshape(FEATURES, -1).T).T.reshape(-1, *regions.shape)
        errors = np.exp(np.nan_to_num(logs, nan=HIGHEST).clip(LOWEST, HIGHEST).astype(np.float64))
        count = len(self.record.candidates)
        return Estimates(errors[:count], errors[count] if self.record.dense else None)


def _unpacked(numbers: Floats, widths: Sequence[int]) -> Perceptron:
    at = 0

    def take(*shape: int) -> Floats:
        nonlocal at
        size = int(np.prod(shape))
        at += size
        return numbers[at - size : at].reshape(shape)

    mean, deviation = take(FEATURES), take(FEATURES)
    layers = [(take(before, after), take(after)) for before, after in zip(widths, widths[1:], strict=False)]
    return Perceptron(mean, deviation, layers)


def _malformed(record: EstimatorRecord, why: str) -> BundleError:
    return BundleError(
        BundleFault.BAD_MANIFEST,
        "the bundle's estimator is malformed",
        where=record.entry,
        why=why,
        hint="make the bundle again with `slsc compile`",
    )
