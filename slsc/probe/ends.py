"""What is told by a network's output alone, whatever restores: differences about grey, and colours turned round."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from slsc.probe.bench import MOST_LIKENESS, Bench
from slsc.probe.convention import LEVELS, RANGES, Convention, Form
from slsc.probe.network import ProbedNetwork
from slsc.probe.samples import Samples
from slsc.probe.search import PHOTOS
from slsc.runtime.bundle.value_range import UNIT, ValueRange

NEAR = 0.05
"""Share of the span by which the mean of differences may be off the middle."""

SPREAD = 0.15
"""Deviation about that, in spans, which differences are within, and pictures are not."""

TURNED = -0.3
"""Correlation of red less blue with that of what is wanted, below which colours come out the other way round."""


def about_grey(bench: Bench, tried: Sequence[Convention]) -> list[Convention]:
    """Differences that are put out about the middle of a range, as images of them are: 0.5 for none in 0..1.

    They may fill the range, from black to white, or take half as much room as pictures do.
    """
    residuals = [one for one in tried if one.form is not Form.PICTURE and one.output in (UNIT, LEVELS)]
    able = [one for one in residuals if _is_grey(bench, one)]
    centred = [(replace(one, grey=0.5), replace(one, output=_half(one), grey=1.0)) for one in able]
    return list(dict.fromkeys(one for both in centred for one in both))


def _is_grey(bench: Bench, convention: Convention) -> bool:
    """Whether what comes of noisy samples is the middle of the output's range, but for little, and no picture."""
    name, span = bench.samples.families[0][0], convention.output.mean_span
    outputs = [bench.output(name, index, convention) for index in range(min(PHOTOS, bench.samples.count))]
    middling = all(abs(one.values.mean() - span / 2) <= NEAR * span for one in outputs)
    return middling and all(one.values.std() <= SPREAD * span and one.likeness < MOST_LIKENESS for one in outputs)


def _half(convention: Convention) -> ValueRange:
    return ValueRange.uniform(0, convention.output.mean_span / 2)


def turns_colours(network: ProbedNetwork, samples: Samples) -> bool:
    """Whether colours come out the other way round than they go in, whatever the range.

    Red is told from blue by where it is the stronger one: pictures agree on that with what is wanted, even those that
    were restored badly. What is put out in place of a picture is none of it, and tells nothing.
    """
    if network.channels != 3:
        return False
    told = False
    for values in RANGES:
        for agreed in _agreements(network, samples, values):
            if agreed >= TURNED:
                return False  # soon, for most networks: each costs a run
            told = True
    return told


def _agreements(network: ProbedNetwork, samples: Samples, values: ValueRange) -> Iterator[float]:
    """Correlation of red less blue with that of what is wanted, by sample; ends where the output is no picture."""
    name = samples.families[0][0]
    for index in range(min(PHOTOS, samples.count)):
        sample = samples[name, index]
        made = network.values(sample.given, Convention("RGB", values, values)).transpose(1, 2, 0)
        if sample.likeness(made.mean(axis=2, keepdims=True).repeat(3, axis=2)) < MOST_LIKENESS:
            return
        hues = [image[:, :, 0] - image[:, :, 2] for image in (sample.truth, made)]
        if min(float(hue.std()) for hue in hues) > 0:
            yield float(np.corrcoef(hues[0].ravel(), hues[1].ravel())[0, 1])
