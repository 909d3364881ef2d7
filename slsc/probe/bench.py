"""Running a network under a convention: what a picture becomes, and whether that restores it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from slsc.data.degradations import Pixels, rounded
from slsc.metrics.psnr import psnr
from slsc.probe.convention import AMPLITUDES, Convention, Form
from slsc.probe.network import ProbedNetwork
from slsc.probe.samples import Samples
from slsc.runtime.bundle.value_range import ValueRange

LEAST_GAIN = 0.2
"""dB over doing nothing from which on a network counts as restoring."""

MOST_LIKENESS = 0.75
"""Correlation with the picture from which on an output counts as a picture, and not as what is wrong with one."""

UNLIKELY = 1.0
"""dB by which a convention of two ranges must be better than one of one: an amplitude may chance to suit samples."""

RARE_AMPLITUDE = 0.5
"""Likewise, of differences with one of `AMPLITUDES`."""

SAME = 45.0
"""PSNR in dB between output and plain picture from which on a network counts as doing nothing."""

ALIKE = 50.0
"""PSNR in dB between two restorations of a picture from which on it does not matter which one is right."""


@dataclass(frozen=True)
class Verdict:
    """What a convention makes of a sample.

    Attributes:
        gain: dB over doing nothing; minus infinity where the convention cannot be what the network is made for.
        lead: dB over the best simple method, by which what a network undoes is compared: smoothing or sharpening, which
            networks do in wrong ranges, leads nowhere. Less `UNLIKELY` for ranges that differ.
        revealing: whether the picture holds more of the truth than the plain one does, at the brightness and contrast
            that suit each best. If not, all that was done is to brighten, darken or flatten.
    """

    gain: float
    lead: float
    revealing: bool

    @property
    def restores(self) -> bool:
        """Whether the picture is better than without the network."""
        return self.gain >= LEAST_GAIN


NONE = Verdict(-math.inf, -math.inf, False)
"""Of a convention that cannot be what the network is made for."""


@dataclass(frozen=True)
class Output:
    """What a network made of a sample.

    Attributes:
        values: CxHxW, in its own range and order of channels.
        fitted_psnr: of the truth, as `Sample.fitted_psnr`, whatever the range.
        likeness: correlation with the truth, 0 to 1.
    """

    values: Pixels
    fitted_psnr: float
    likeness: float


class Bench:
    """A network, the samples it is tried on, and what it made of them so far."""

    def __init__(self, network: ProbedNetwork, samples: Samples) -> None:
        self.samples = samples
        self._network = network
        self._outputs: dict[tuple[str, int, str, ValueRange], Output] = {}

    def restored(self, name: str, index: int, convention: Convention) -> Pixels:
        """A sample's restoration, clamped and rounded to 8 bits; values that are no number become black."""
        values, given = self.output(name, index, convention).values, self.samples[name, index].given
        if convention.form is Form.PICTURE:
            return rounded(_pixels(convention.output.to_unit(values), convention.order))
        residual = _pixels(_differences(convention).to_unit(values), convention.order)
        return rounded(given - residual if convention.form is Form.SUBTRACT else given + residual)

    def verdict(self, name: str, index: int, convention: Convention) -> Verdict:
        """How well a convention restores a sample.

        Where the picture does not leave as it enters, any brightening or darkening could be read into a network that
        does nothing. So then its output must hold more of the truth than the plain picture does, at the brightness
        and contrast that suit it best; and what is taken from or added to the input must not be a picture itself.
        """
        sample, output = self.samples[name, index], self.output(name, index, convention)
        residual = convention.form is not Form.PICTURE
        least = sample.plain_fitted_psnr + LEAST_GAIN
        if output.likeness >= MOST_LIKENESS if residual else not convention.plain and output.fitted_psnr < least:
            return NONE
        picture = self.restored(name, index, convention)
        if residual and sample.fitted_psnr(picture) < least:
            return NONE
        found = sample.psnr(picture)
        return Verdict(
            found - sample.nothing, found - sample.simple - penalty(convention), residual or output.fitted_psnr >= least
        )

    def psnr(self, name: str, convention: Convention, count: int) -> float:
        """Mean PSNR in dB of the first `count` samples of a name."""
        scores = (self.samples[name, i].psnr(self.restored(name, i, convention)) for i in range(count))
        return float(np.mean(list(scores)))

    def gain_over(self, name: str, index: int, convention: Convention, other: Convention) -> float:
        """dB by which a convention restores a sample better than another one does."""
        sample = self.samples[name, index]
        first, second = (sample.psnr(self.restored(name, index, one)) for one in (convention, other))
        return first - second

    def revealed(self, name: str, convention: Convention, count: int) -> float:
        """dB over the plain picture at the brightness and contrast that suit each best, mean of `count` samples; of a
        convention whose output is the picture."""
        outputs = [self.output(name, index, convention).fitted_psnr for index in range(count)]
        return float(np.mean([made - self.samples[name, i].plain_fitted_psnr for i, made in enumerate(outputs)]))

    def plain_psnr(self, name: str, count: int) -> float:
        """Likewise of the plain pictures."""
        return float(np.mean([self.samples[name, index].plain_psnr for index in range(count)]))

    def alike(self, name: str, index: int, convention: Convention, other: Convention) -> bool:
        """Whether two conventions make the same picture, but for what nobody sees."""
        change = self.restored(name, index, convention) - self.restored(name, index, other)
        return psnr(float(np.mean(np.square(change))), 255) >= ALIKE

    def does_nothing(self, name: str, index: int, convention: Convention) -> bool:
        """Whether the restoration is the plain picture, but for what nobody sees."""
        change = self.restored(name, index, convention) - self.samples[name, index].plain
        return psnr(float(np.mean(np.square(change))), 255) >= SAME

    def detail(self, name: str, index: int, convention: Convention) -> float:
        """dB over the plain picture of the best mixture of that and the restoration: above 0 where what the network
        changes points to the truth, though it may go too far, as networks do that are made to please the eye."""
        sample = self.samples[name, index]
        change = self.restored(name, index, convention) - sample.plain
        wanted = float(np.mean(change * (sample.truth - sample.plain)))
        share = np.clip(wanted / max(float(np.mean(np.square(change))), 1e-9), 0, 1)
        return sample.psnr(sample.plain + share * change) - sample.plain_psnr

    def change(self, name: str, index: int, convention: Convention) -> float:
        """Mean square of what a convention changes of the plain picture, over the variance of that."""
        plain = self.samples[name, index].plain
        change = np.mean(np.square(self.restored(name, index, convention) - plain))
        return float(change / max(float(np.mean(np.square(plain - plain.mean(axis=(0, 1))))), 1e-9))

    def output(self, name: str, index: int, convention: Convention) -> Output:
        """What the network makes of a sample."""
        key = (name, index, convention.order, convention.input)
        if key not in self._outputs:
            sample = self.samples[name, index]
            values = self._network.values(sample.given, convention)
            pixels = _pixels(values, convention.order)
            self._outputs[key] = Output(values, sample.fitted_psnr(pixels), abs(sample.likeness(pixels)))
        return self._outputs[key]


def penalty(convention: Convention) -> float:
    """dB by which a convention must be better than a likelier one."""
    if convention.input == convention.output:
        return 0.0
    ratio = convention.output.mean_span / convention.input.mean_span
    return RARE_AMPLITUDE if convention.form is not Form.PICTURE and ratio in AMPLITUDES else UNLIKELY


def _pixels(values: npt.NDArray[Any], order: str) -> Pixels:
    """HxWxC in levels of 8 bits, red first, neither clamped nor rounded; a value that is no number becomes 0."""
    turned = values.transpose(1, 2, 0)[:, :, :: -1 if order == "BGR" else 1]
    return np.nan_to_num(255 * turned, posinf=255, neginf=0)


def _differences(convention: Convention) -> ValueRange:
    """The range of differences: as wide as that of the output, from what stands for none."""
    spans = convention.output.span
    low = tuple(convention.grey * span for span in spans)
    return ValueRange(low, tuple(start + span for start, span in zip(low, spans, strict=True)))
