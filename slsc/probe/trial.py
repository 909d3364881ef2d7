"""What decides between conventions: photos in the state the network is made for, and a plain method to compare with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from slsc.data.degradations import Pixels
from slsc.metrics.psnr import psnr
from slsc.probe.network import Convention, Geometry, ProbedNetwork
from slsc.probe.samples import Sample, clean, degraded, super_resolution

EQUAL = 100.0
"""PSNR in dB of equal images: finite, so that means and JSON stay numbers."""

LEAST_GAIN = 0.2
"""dB over its input from which on a same-size network counts as undoing a degradation."""

CHOOSING_PHOTOS = 2
"""Photos that choose the degradation."""

HOPELESS = 3.0
"""dB below bicubic from which on a super-resolution network counts as restoring nothing (untrained, say)."""

KEPT = 20.0
"""PSNR in dB that a same-size network must leave of a clean photo if it is to count as keeping it."""

Photo = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Trial:
    """Samples of one kind, one a photo.

    Attributes:
        network: what is run on them.
        samples: what it is run on; a decision may take the first few only.
        border: pixels left out of the PSNR at each side.
        plain: name of the plain method the samples carry; None where the samples need no restoring.
        allowance: dB by which the network may fall short of the plain method and still tell something.
        purpose: in words, what the network does with the samples.
        degradation: the name in `slsc.data.degradations.DEGRADATIONS` of what the samples suffer from; None for none.
    """

    network: ProbedNetwork
    samples: Sequence[Sample]
    border: int
    plain: str | None
    allowance: float
    purpose: str
    degradation: str | None = None

    def score(self, convention: Convention, photos: int) -> float:
        """Mean PSNR in dB of the first `photos` samples restored under `convention`."""
        parts = self.samples[:photos]
        return float(np.mean([_restored_psnr(self.network, part, convention, self.border) for part in parts]))

    def plain_score(self, photos: int) -> float:
        """Mean PSNR in dB of the plain method on the first `photos` samples."""
        return float(np.mean([_psnr(part.plain, part.truth, self.border) for part in self.samples[:photos]]))

    def least(self, photos: int) -> float:
        """PSNR in dB without which, on the first `photos` samples, the trial tells nothing."""
        return KEPT if self.plain is None else self.plain_score(photos) - self.allowance


def make_trial(
    network: ProbedNetwork, geometry: Geometry, photos: Sequence[Photo], tried: Sequence[Convention]
) -> Trial:
    """Shrunk photos for super-resolution; else the degradation the network undoes best; else clean photos.

    Args:
        network: a same-size one is run on every degradation.
        geometry: of the network.
        photos: HxWx3 uint8 RGB.
        tried: the conventions under which a degradation may turn out to be undone.
    """
    channels = network.channels
    if geometry.scale > 1:
        samples = [super_resolution(photo, geometry, channels) for photo in photos]
        purpose = f"restoring photos shrunk by {geometry.scale}"
        return Trial(network, samples, geometry.scale, "bicubic", HOPELESS, purpose)
    options = [degraded(photo, geometry, channels) for photo in photos]
    undone = _best_undone(network, options[:CHOOSING_PHOTOS], tried)
    if undone is None:
        samples = [clean(photo, geometry, channels) for photo in photos]
        return Trial(network, samples, 0, None, 0.0, "leaving clean photos as they are")
    samples = [option[undone] for option in options]
    name = samples[0].name
    return Trial(network, samples, 0, "input", 0.0, f"undoing {name}", name)


def _best_undone(
    network: ProbedNetwork, options: Sequence[Sequence[Sample]], tried: Sequence[Convention]
) -> int | None:
    """The degradation with the largest gain on the photo where it gains least; None if nothing gains on every photo.

    One photo is not enough: in a wrong value range some networks blur, which helps a noisy picture of little detail.
    """
    gains = {(index, one): math.inf for index in range(len(options[0])) for one in tried}
    for samples in options:
        for index, one in list(gains):
            sample = samples[index]
            gain = _restored_psnr(network, sample, one, 0) - _psnr(sample.plain, sample.truth, 0)
            gains[index, one] = min(gain, gains[index, one])
            if gain < LEAST_GAIN:
                del gains[index, one]
    return max(gains, key=lambda entry: gains[entry])[0] if gains else None


def _restored_psnr(network: ProbedNetwork, sample: Sample, convention: Convention, border: int) -> float:
    return _psnr(network.restore(sample.given, convention), sample.truth, border)


def _psnr(image: Pixels, truth: Pixels, border: int) -> float:
    """PSNR in dB over all channels, `border` pixels left out at each side; equal images count as `EQUAL`."""
    inside = slice(border, -border or None)
    error = float(np.mean(np.square(image[inside, inside] - truth[inside, inside])))
    return min(EQUAL, psnr(error, 255))
