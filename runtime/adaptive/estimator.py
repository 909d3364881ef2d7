"""Estimated errors: what every candidate would make of every region of an image, before any is run (f of Eq. 8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from slsc.errors import BundleError
from slsc.runtime.adaptive.features import features
from slsc.runtime.adaptive.regions import Regions, Size
from slsc.runtime.bundle.estimators import FEATURES, TERMS, EstimatorRecord
from slsc.runtime.bundle.faults import BundleFault

Floats = npt.NDArray[np.float32]

LOWEST, HIGHEST = -8.0, 12.0
"""Logarithms of mean squared errors (levels of 0..255) end here: beyond lies nothing that an 8-bit photo can have."""


FARTHEST = 4.0
"""Features end so many deviations from their mean: beyond what training saw, products would grow without bound."""


@dataclass(frozen=True)
class Quadratic:
    """Weights of features and their products.

    Attributes:
        mean, deviation: (FEATURES,) of each feature where it was trained.
        weights: (TERMS, K).
    """

    mean: Floats
    deviation: Floats
    weights: Floats

    def __call__(self, values: Floats) -> Floats:
        """(N, FEATURES) to (N, K) estimated logarithms."""
        return terms(values, self.mean, self.deviation) @ self.weights

    def fault(self, count: int) -> str | None:
        """Why these are no numbers to estimate `count` values with; None where they are."""
        shapes = {"mean": (FEATURES,), "deviation": (FEATURES,), "weights": (TERMS, count)}
        for name, shape in shapes.items():
            values = getattr(self, name)
            if values.shape != shape or values.dtype != np.float32:
                return f"{name} is {values.dtype} of shape {list(values.shape)}, not float32 of {list(shape)}"
            if not np.isfinite(values).all():
                return f"{name} holds values that are not numbers"
        return None if (self.deviation > 0).all() else "a deviation is not above 0"

    def to_bytes(self) -> bytes:
        """As the bundle keeps them: float32, little-endian, in the order of the attributes."""
        return np.concatenate([self.mean, self.deviation, self.weights.ravel()]).astype("<f4").tobytes()


def terms(values: npt.NDArray[Any], mean: npt.NDArray[Any], deviation: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(N, FEATURES) to (N, TERMS): 1, the features in deviations from their mean, their products."""
    apart = ((values - mean) / deviation).clip(-FARTHEST, FARTHEST)
    first, second = np.triu_indices(values.shape[1])
    return np.concatenate([np.ones_like(apart[:, :1]), apart, apart[:, first] * apart[:, second]], 1)


@dataclass(frozen=True)
class Estimates:
    """Estimated mean squared errors of an image's regions, levels of 0..255.

    Attributes:
        candidates: (K, rows, columns).
        dense: (rows, columns) of the dense network; None where that is not known.
    """

    candidates: npt.NDArray[np.float64]
    dense: npt.NDArray[np.float64] | None


class RegionalEntry:
    """An entry of a bundle that tells something of every region of a photo.

    Args:
        record: what the manifest says of it.
        data: its bytes.

    Raises:
        BundleError: the entry is not of the size that the record asks for, or holds what is no number.
    """

    def __init__(self, record: EstimatorRecord, data: bytes) -> None:
        self.record = record
        self._quadratic = read_quadratic(record, data)

    def _numbers(self, pixels: npt.NDArray[Any]) -> Floats:
        """(K, rows, columns) of what it tells of HxWx1 or HxWx3 pixels of any dtype that photos have."""
        return by_region(self._quadratic, pixels, self.record.region)


class Estimator(RegionalEntry):
    """An estimator of a bundle: the numbers are logarithms of errors, or of what errors are the sum of."""

    def __call__(self, pixels: npt.NDArray[Any]) -> Estimates:
        """Estimate, of HxWx1 or HxWx3 pixels of any dtype that photos have."""
        return estimates(self._numbers(pixels), len(self.record.candidates), apart=self.record.apart)


def estimates(logs: npt.NDArray[Any], count: int, *, apart: bool) -> Estimates:
    """Logarithms as errors.

    A candidate's error is its distance to the dense network and that network's error: what not even this one can tell
    from the input has nothing to do with how candidates differ from it.

    Args:
        logs: (K or K + 1, rows, columns), of any values; the dense network's last, if it is there.
        count: K.
        apart: of candidates they are those of distances to the dense network, to which its error is added.
    """
    found = np.exp(np.nan_to_num(logs, nan=HIGHEST).clip(LOWEST, HIGHEST).astype(np.float64))
    dense = found[count] if len(found) > count else None
    return Estimates(found[:count] + dense if apart and dense is not None else found[:count], dense)


def by_region(quadratic: Quadratic, pixels: npt.NDArray[Any], size: Size) -> Floats:
    """(K, rows, columns) of what is estimated of the regions of HxWx1 or HxWx3 pixels."""
    regions = Regions.of(pixels, size)
    measured = features(pixels, regions)
    return quadratic(measured.reshape(FEATURES, -1).T).T.reshape(-1, *regions.shape)


def read_quadratic(record: EstimatorRecord, data: bytes) -> Quadratic:
    """The numbers of an entry.

    Raises:
        BundleError: it is not of the size that the record asks for, or holds what is no number.
    """
    if len(data) != record.bytes:
        raise _malformed(record, f"{record.entry} has {len(data)} bytes, the manifest asks for {record.bytes}")
    numbers = np.frombuffer(data, "<f4").astype(np.float32)
    mean, deviation, weights = np.split(numbers, [FEATURES, 2 * FEATURES])
    read = Quadratic(mean, deviation, weights.reshape(TERMS, -1))
    fault = read.fault(len(record.candidates) + record.dense)
    if fault:
        raise _malformed(record, f"in {record.entry} {fault}")
    return read


def _malformed(record: EstimatorRecord, why: str) -> BundleError:
    return BundleError(
        BundleFault.BAD_MANIFEST,
        "the bundle's estimator is malformed",
        where=record.entry,
        why=why,
        hint="make the bundle again with `slsc compile`",
    )
