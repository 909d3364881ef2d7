"""Doubts about a range that is the best of those tried: is a range beside it better, and does it matter at all?

Of wrong ranges, too, one is the best. Only the right one is better than all about it, so the range found is moved up
and down and stretched, and so is 0..1. At large values, where biases count for little, many networks treat all scales
alike: that such a network restores at those of 0..255 tells little, and that it brightens or darkens tells nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from slsc.probe.bench import Bench
from slsc.probe.convention import CAFFE, DIV2K, LEVELS, Convention, Form, Known, name_of
from slsc.probe.search import MARGIN, PHOTOS, Evidence, purpose
from slsc.runtime.bundle.value_range import UNIT, ValueRange

MOVES = (-0.5, -0.25, 0.25, 0.5)
"""Of black and white, in shares of the span between them."""

STRETCHES = (0.5, 2.0)
"""Of black and white, as factors. A network that takes noise for weaker or stronger than it is looks the same."""

LEAST_LEAD = 0.1
"""dB over the range found, on every photo, from which on one beside it counts as better. Beside the right range trained
networks lose 0.15 dB and more."""

CLOSE = 0.5
"""dB behind the range found up to which what another does at other strengths counts. Networks made for one strength
restore stronger noise in narrower ranges, but are far behind there at the strength of the right one (1.1 dB)."""

INDIFFERENT = 0.03
"""Share of what is gained over doing nothing, up to which a network that loses it is indifferent to its scale."""


@dataclass(frozen=True)
class Doubt:
    """Why a range that is the best of those tried is not called measured.

    Attributes:
        why: a clause.
        grave: what was found says nothing for the range, or is against it.
    """

    why: str
    grave: bool


def variant_of_means(bench: Bench, evidence: Evidence, found: Convention, known: Known) -> Convention | None:
    """Of a network that takes 0..255, the same less the means of photos, if that is clearly better, and no worse with
    these than with one mean for all colours."""
    if found.input != LEVELS or known.input is not None:
        return None
    better = []
    for one in _orders(found, known):
        centred = bench.psnr(evidence.name, _moved(one, -0.5), _count(bench))
        for variant in _less_means(one):
            leads = _lead(bench, evidence, variant, found) >= LEAST_LEAD
            if leads and bench.psnr(evidence.name, variant, _count(bench)) > centred:
                better.append(variant)
    return max(better, key=lambda one: bench.psnr(evidence.name, one, _count(bench)), default=None)


def doubt_of(bench: Bench, evidence: Evidence, found: Convention, known: Known, *, ordered: bool) -> Doubt | None:
    """What speaks against the range found; None for nothing, and for a range that the user gave.

    Of a network that restores nothing, which wrong ranges may bring nearer to the truth, nothing is grave.

    Args:
        bench: the network and samples.
        evidence: what it restores.
        found: the convention, its order decided.
        known: what the user says.
        ordered: that order is certain.
    """
    if known.input is not None:
        return None
    doubt = _doubt(bench, evidence, found, known, ordered=ordered)
    if doubt is None or not evidence.restores:
        return doubt and replace(doubt, grave=False)
    brightness = found.input != UNIT and not _revealing(bench, evidence, found)
    return replace(doubt, why=f"{doubt.why}, and all it does is brightness", grave=True) if brightness else doubt


def _doubt(bench: Bench, evidence: Evidence, found: Convention, known: Known, *, ordered: bool) -> Doubt | None:
    better = _better(bench, evidence, found, known)
    if better is not None and (better.grave or not evidence.restores):
        return better
    if evidence.restores and found.input != UNIT and _indifferent(bench, evidence, found):
        return Doubt(
            f"half and twice as large values are as good at {purpose(evidence)}; --range overrides", grave=False
        )
    if better is not None:
        return better
    if evidence.restores:
        better = _restores_more(bench, evidence, found) or _uncoloured(bench, evidence, found)
    return better or _as_good(bench, evidence, [found] if ordered else _orders(found, known), found)


def _better(bench: Bench, evidence: Evidence, found: Convention, known: Known) -> Doubt | None:
    """The best of all ranges beside the one found, in either order, if it is clearly better.

    It is no proof against 0..1 where all that is undone is mere brightness or haze: moving a range does that, too.
    """
    centres = [found] if found.input == UNIT else [found, _with_input(found, UNIT)]
    centres = [turned for one in centres for turned in _orders(one, known)]
    moved = [_moved(one, share) for one in centres for share in MOVES]
    tried = {one.input for one in evidence.scores} | {found.input}
    near = [
        one
        for one in moved + [_stretched(one, factor) for one in centres for factor in STRETCHES]
        if one.input not in tried
    ]
    best = max(near, key=lambda one: bench.gain_over(evidence.name, 0, one, found))
    lead = _lead(bench, evidence, best, found)
    if lead < LEAST_LEAD:
        return None
    better = f"{name_of(best.input)} is better by {lead:.2f} dB at {purpose(evidence)}"
    if best in moved and (found.input != UNIT or _revealing(bench, evidence, found)):
        return Doubt(f"{better}, so it is neither this nor another that is tried", grave=True)
    return Doubt(f"{better}: it is made for such values, or for other strengths; --range overrides", grave=False)


def _as_good(bench: Bench, evidence: Evidence, centres: Sequence[Convention], found: Convention) -> Doubt | None:
    """The same less the means of photos where that is no worse on average, and makes another picture.

    Networks that add what they find to the image hardly mind where black is: nothing tells these ranges apart then.
    """
    name, count = evidence.name, _count(bench)
    for one in (variant for centre in centres for variant in _less_means(centre)):
        lead = float(np.mean([bench.gain_over(name, index, one, found) for index in range(count)]))
        if lead > -MARGIN and not bench.alike(name, 0, one, found):
            return Doubt(f"{name_of(one.input)} is as good at {purpose(evidence)}; --range overrides", grave=False)
    return None


def _restores_more(bench: Bench, evidence: Evidence, found: Convention) -> Doubt | None:
    """A range about as good in which another strength is restored by more than any is in the one found.

    To a network, noise in too wide a range is stronger noise: the range that suits one strength may be that of another.
    """
    family = next(family for family in bench.samples.families if evidence.name in family)
    count = _count(bench)

    def most(one: Convention) -> float:
        return max(bench.psnr(name, one, count) - bench.plain_psnr(name, count) for name in family)

    least = bench.psnr(evidence.name, found, count) - CLOSE
    able = [one for one, score in evidence.scores.items() if score >= least]
    best = max((one for one in able if one.input != found.input), key=most, default=found)
    if most(best) < most(found) + LEAST_LEAD:
        return None
    return Doubt(f"{name_of(best.input)} is better at other strengths; --range overrides", grave=False)


def _uncoloured(bench: Bench, evidence: Evidence, found: Convention) -> Doubt | None:
    """Values of its own for each colour that serve no better than their mean for all, though the picture is another."""
    if len(set(found.input.low)) == 1:
        return None
    black, white = (float(np.mean(ends)) for ends in (found.input.low, found.input.high))
    flat = _with_input(found, ValueRange.uniform(black, white))
    name = evidence.name
    lead = float(np.mean([bench.gain_over(name, index, flat, found) for index in range(_count(bench))]))
    if lead <= -MARGIN or bench.alike(name, 0, flat, found):
        return None
    return Doubt(f"one mean for all colours is as good at {purpose(evidence)}; --range overrides", grave=False)


def _less_means(convention: Convention) -> list[Convention]:
    """A convention of 0..1 or 0..255 with the means of photos taken from its input."""
    if convention.order == "Y" or convention.input not in (UNIT, LEVELS):
        return []
    share = convention.input.span[0] / 255
    means = [Convention("BGR", CAFFE, CAFFE), Convention("RGB", DIV2K, DIV2K)]
    return [_with_input(convention, _times(one.turned(convention.order).input, share)) for one in means]


def _revealing(bench: Bench, evidence: Evidence, found: Convention) -> bool:
    """Whether the network does more than to brighten, darken or flatten."""
    return any(bench.verdict(evidence.name, index, found).revealing for index in range(_count(bench)))


def _indifferent(bench: Bench, evidence: Evidence, found: Convention) -> bool:
    """Whether the network restores as well at half and at twice the values."""
    name, count = evidence.name, _count(bench)
    score = bench.psnr(name, found, count)
    least = score - INDIFFERENT * (score - bench.plain_psnr(name, count))
    return all(bench.psnr(name, _stretched(found, factor), count) >= least for factor in STRETCHES)


def _lead(bench: Bench, evidence: Evidence, one: Convention, found: Convention) -> float:
    """dB by which a convention is better than the one found, on the photo where that is least."""
    return min(bench.gain_over(evidence.name, index, one, found) for index in range(_count(bench)))


def _orders(convention: Convention, known: Known) -> list[Convention]:
    """A convention in every order it may have, blue first."""
    if convention.order == "Y" or known.order is not None:
        return [convention]
    return [convention.turned("BGR"), convention.turned("RGB")]


def _count(bench: Bench) -> int:
    return min(PHOTOS, bench.samples.count)


def _moved(convention: Convention, share: float) -> Convention:
    """A convention with black and white of its input moved by a share of the span."""
    values = convention.input
    low, high = (
        tuple(value + share * span for value, span in zip(ends, values.span, strict=True))
        for ends in (values.low, values.high)
    )
    return _with_input(convention, ValueRange(low, high))


def _stretched(convention: Convention, factor: float) -> Convention:
    """A convention with all values that enter and leave multiplied."""
    return replace(convention, input=_times(convention.input, factor), output=_times(convention.output, factor))


def _times(values: ValueRange, factor: float) -> ValueRange:
    """A range with black and white multiplied."""
    return ValueRange(*(tuple(factor * value for value in ends) for ends in (values.low, values.high)))


def _with_input(convention: Convention, values: ValueRange) -> Convention:
    """A convention with another range of the input, and of the output where that was the same."""
    same = convention.output == convention.input or (
        convention.form is not Form.PICTURE and convention.output.span == convention.input.span
    )
    return replace(convention, input=values, output=values if same else convention.output)
