"""What networks make of the regions of photos, measured: what estimators and classifiers are trained and judged on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from slsc.data.patches import Pair
from slsc.jobs.compile.baking import BakedEngine
from slsc.jobs.compile.measuring import fitted, runner
from slsc.networks.tile_geometry import Batch, RestoreBatch
from slsc.progress import StageProgress
from slsc.runtime.adaptive.features import features
from slsc.runtime.adaptive.regions import SIZE, Regions, region_means
from slsc.runtime.backends.native_backend import NativeBackend
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.image.colour import LUMA
from slsc.runtime.image.pixels import to_batch, wanted_batch

Values = npt.NDArray[np.float64]

REGIONS = 12000
"""Regions that it is trained on, at most: more photos than hold them are left out. More do better: at the cost of the
engine at 1/8 RFDN's gained 0.09 dB on Set14 when trained on 340 photos, 0.07 on their first 3000 regions."""


@dataclass(frozen=True)
class Measured:
    """One image: what is seen of its regions, and what the candidates made of them.

    Attributes:
        features: (FEATURES, rows, columns).
        errors: (K, rows, columns) mean squared errors, levels of 0..255; the dense network's last where it counts.
        distances: (K, rows, columns) of the candidates, mean squared, to the dense network's output.
        pixels: (rows, columns) of each region.
    """

    features: npt.NDArray[np.float32]
    errors: Values
    distances: Values
    pixels: Values


def network_of(engine: BakedEngine) -> RestoreBatch:
    """An engine as a function: on the native engine where that takes it, which is faster, and shown to agree."""
    data, backend = engine.artefacts.made.get(NativeBackend.kind), NativeBackend(0)
    if data is not None and backend.available() is None:
        return backend.load(data).run
    return runner(engine.model)


class Meter:
    """Measures what networks make of images."""

    def __init__(self, networks: Sequence[RestoreBatch], dense: RestoreBatch, io: ImageIO, truth: bool) -> None:
        self._networks, self._dense, self._io, self._truth = networks, dense, io, truth

    def measure(
        self, pairs: Sequence[Pair], progress: StageProgress, shifts: Sequence[tuple[int, int]] = ((0, 0),)
    ) -> list[Measured]:
        """Measure images, each several times: with the regions so many rows and columns further on."""
        found: list[Measured] = []
        for index, (given, wanted) in enumerate(pairs):
            found += self._measured(given, wanted, shifts)
            progress("measuring candidates", index + 1, len(pairs))
        return found

    def _measured(
        self, given: npt.NDArray[np.uint8], wanted: npt.NDArray[np.uint8], shifts: Sequence[tuple[int, int]]
    ) -> Iterator[Measured]:
        io = self._io
        batch = to_batch(given, io)
        outputs = [self._seen(network(batch)) for network in self._networks]
        dense = self._seen(self._dense(batch))
        apart = [(output - dense) ** 2 for output in outputs]
        reference = self._seen(wanted_batch(wanted, io)) if self._truth else None
        squares = [] if reference is None else [(output - reference) ** 2 for output in (*outputs, dense)]
        for down, right in shifts:
            part = given[down:, right:]
            if 0 in part.shape:
                continue
            regions, scale = Regions.of(part, SIZE), io.scale
            seen = np.s_[:, down * scale :, right * scale :]
            distances = _means([each[seen] for each in apart], regions, scale)
            errors = _means([each[seen] for each in squares], regions, scale) if squares else distances
            yield Measured(features(part, regions), errors, distances, regions.pixels)

    def _seen(self, output: Batch) -> Values:
        """What counts of an output, levels of 0..255: luma of colours that are enlarged, all channels else."""
        unit = self._io.output_range.to_unit(output)[0].clip(0, 1) * 255
        if self._io.scale > 1 and self._io.channels == 3:
            weights = np.array(LUMA[::-1] if self._io.order == "BGR" else LUMA)
            return np.tensordot(weights, unit, 1)[None]
        return unit.astype(np.float64)


def _means(planes: Sequence[Values], regions: Regions, scale: int) -> Values:
    """(K, rows, columns) of (C, H, W) each."""
    return np.stack([region_means(plane.mean(0), regions, scale) for plane in planes])


def enough(pairs: Sequence[Pair], io: ImageIO) -> list[Pair]:
    """Pairs that hold `REGIONS`, cut as the network takes them, drawn evenly over all."""
    cut = [fitted(pair, io) for pair in pairs]
    sizes = [Regions.of(given, SIZE).pixels.size for given, _ in cut]
    count = max(1, int(len(cut) * min(1.0, REGIONS / sum(sizes))))
    return [cut[index] for index in np.linspace(0, len(cut) - 1, count).astype(int)]
