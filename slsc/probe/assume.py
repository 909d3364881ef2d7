"""What is assumed of a network that restores nothing that was tried: the likeliest convention that is not refuted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from slsc.probe.bench import Bench
from slsc.probe.convention import Convention, Form

LEAST_LIKENESS = 0.5
"""Correlation with its input below which an output is not a picture of it."""

MOST_CLIPPED = 0.5
"""Share of pixels, black or white that were not so before, from which on an output is clipped."""

MOST_GAIN = 1.75
"""Contrast over that of the input beyond which a range is off by a gain; so is its inverse."""


def assumed(bench: Bench, tried: Sequence[Convention]) -> tuple[Convention, str]:
    """A convention, and the clause that says why.

    Output equal to the input speaks against a convention: in a wrong range many networks do nothing.

    Args:
        bench: the network and samples, of which the first is looked at.
        tried: the likeliest first; those that are no picture, unless the user gave one, are passed over.
    """
    pictures = [one for one in tried if one.form is Form.PICTURE] or list(tried)
    standing = [one for one in pictures if _refutation(bench, one) is None]
    name = bench.samples.families[0][0]
    plain = [one for one in standing if one.plain]
    active = [one for one in plain if not bench.does_nothing(name, 0, one)]
    chosen = (active or plain or standing or pictures)[0]
    if not standing:
        return chosen, "its output shows the input under none"
    passed = [_refutation(bench, one) or "does nothing" for one in pictures[: pictures.index(chosen)]]
    return chosen, f"the likeliest under which it is not {passed[0]}" if passed else "the commonest"


def _refutation(bench: Bench, convention: Convention) -> str | None:
    """Why a convention cannot be: its output is constant, clipped, off by a gain, or another picture."""
    name = bench.samples.families[0][0]
    plain = bench.samples[name, 0].plain
    found = bench.restored(name, 0, convention)
    if np.mean((found <= 0) | (found >= 255)) > MOST_CLIPPED + np.mean((plain <= 0) | (plain >= 255)):
        return "clipped"
    before, after = (image - image.mean(axis=(0, 1)) for image in (plain, found))
    spread = float(np.sqrt(np.mean(np.square(after)) / max(float(np.mean(np.square(before))), 1e-9)))
    if not 1 / MOST_GAIN <= spread <= MOST_GAIN:
        return "off by a gain" if spread else "constant"
    likeness = float(np.mean(before * after) / np.sqrt(np.mean(np.square(before)) * np.mean(np.square(after))))
    return None if likeness >= LEAST_LIKENESS else "another picture"
