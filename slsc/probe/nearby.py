"""Doubts about a range that is the best of those tried: is a range beside it better, and does it matter at all?

Of wrong ranges, too, one is the best. Only the right one is better than all about it, so the range found is moved up
and down and stretched, and so is 0..1. At large values, where biases count for little, many networks treat all scales
alike: that such a network restores at those of 0..255 tells little, and that it brightens or darkens tells nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from slsc.probe.bench import Bench
from slsc.probe.convention import LEVELS, Convention, Form, Known, name_of
from slsc.probe.search import MARGIN, PHOTOS, Evidence, purpose
from slsc.probe.variants import is_rare, moved, orders, siblings, stretched, with_input
from slsc.runtime.bundle.value_range import UNIT, ValueRange

MOVES = (-0.5, -0.25, 0.25, 0.5)
"""Of black and white, in shares of the span between them."""

STRETCHES = (0.5, 2.0)
"""Of black and white, as factors. A network that takes noise for weaker or stronger than it is looks the same."""

FINE_STRETCHES = (0.5, 0.7, 1.4, 2.0)
"""Likewise, judged on all strengths together."""

LEAST_LEAD = 0.1
"""dB over the range found, on every photo, from which on one beside it counts as better. Beside the right range trained
networks lose 0.15 dB and more."""

SLIGHT = 0.25
"""Share of what is gained over doing nothing, below which such a lead is no proof against 0..1, the commonest range:
networks that were trained little have it by chance."""

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


def variant_beside(bench: Bench, evidence: Evidence, found: Convention, known: Known) -> Convention | None:
    """A range that is easily taken for the one found, and clearly better at all strengths together; the best of them.

    With values of its own for each colour it must be better than with one mean for all. Nothing beside 0..1 is looked
    at where all that is undone is mere brightness or haze: moving a range does that, too.
    """
    if known.input is not None or (found.input == UNIT and not _revealing(bench, evidence, found)):
        return None
    count, better = _count(bench), []
    for one in (variant for centre in orders(found, known) for variant in siblings(centre)):
        one = replace(one, output=known.output or one.output)
        if is_rare(one) or _overall_lead(bench, evidence, one, found) < LEAST_LEAD:
            continue
        if bench.psnr(evidence.name, one, count) >= bench.psnr(evidence.name, _flattened(one), count):
            better.append(one)
    return max(better, key=lambda one: _overall_lead(bench, evidence, one, found), default=None)


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
    if doubt is None:
        return _mere_brightness(bench, evidence, found)
    if not evidence.restores:
        return replace(doubt, grave=False)
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
        better = better or _reveals_more(bench, evidence, found)
    better = better or _stretches(bench, evidence, found)
    return better or _as_good(bench, evidence, [found] if ordered else orders(found, known), found)


def _better(bench: Bench, evidence: Evidence, found: Convention, known: Known) -> Doubt | None:
    """The best of all ranges beside the one found, in either order, if it is clearly better.

    It is no proof against 0..1 where all that is undone is mere brightness or haze: moving a range does that, too.
    """
    centres = [found] if found.input == UNIT else [found, with_input(found, UNIT)]
    centres = [turned for one in centres for turned in orders(one, known)]
    shifted = [moved(one, share) for one in centres for share in MOVES]
    tried = {one.input for one in evidence.scores} | {found.input}
    near = [
        one
        for one in shifted + [stretched(one, factor) for one in centres for factor in STRETCHES]
        if one.input not in tried
    ]
    best = max(near, key=lambda one: bench.gain_over(evidence.name, 0, one, found))
    lead = _lead(bench, evidence, best, found)
    if lead < LEAST_LEAD:
        return None
    better = f"{name_of(best.input)} is better by {lead:.2f} dB at {purpose(evidence)}"
    slight = found.input == UNIT and lead < SLIGHT * evidence.gain
    if best in shifted and not slight and (found.input != UNIT or _revealing(bench, evidence, found)):
        return Doubt(f"{better}, so it is neither this nor another that is tried", grave=True)
    return Doubt(f"{better}: it is made for such values, or for other strengths; --range overrides", grave=False)


def _as_good(bench: Bench, evidence: Evidence, centres: Sequence[Convention], found: Convention) -> Doubt | None:
    """A range that is easily taken for it, is no worse on average, and makes another picture.

    Networks that add what they find to the image hardly mind where black is: nothing tells these ranges apart then.
    """
    name = evidence.name
    for one in (variant for centre in centres for variant in siblings(centre)):
        near = _mean_lead(bench, name, one, found) > -MARGIN or _overall_lead(bench, evidence, one, found) > 0
        if near and not bench.alike(name, 0, one, found):
            return Doubt(f"{name_of(one.input)} is as good at {purpose(evidence)}; --range overrides", grave=False)
    return None


def _stretches(bench: Bench, evidence: Evidence, found: Convention) -> Doubt | None:
    """Larger or smaller values, from the same black or from 0, with which it restores better at all strengths together,
    and no worse at the one that it restores best.

    At one strength alone it would tell nothing: to a network, noise in too wide a range is stronger noise.
    """
    from_zero = with_input(found, ValueRange.uniform(0, found.input.mean_span))
    for centre, factor in product((found, from_zero), FINE_STRETCHES if evidence.restores else ()):
        one = stretched(centre, factor)
        lead = _overall_lead(bench, evidence, one, found)
        if lead >= MARGIN and _mean_lead(bench, evidence.name, one, found) > -MARGIN:
            what = ", ".join(_strengths(bench, evidence, found))
            return Doubt(f"{name_of(one.input)} is better by {lead:.2f} dB at {what}; --range overrides", grave=False)
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


def _reveals_more(bench: Bench, evidence: Evidence, found: Convention) -> Doubt | None:
    """A commoner range in which the network finds more of the truth, but at another brightness or contrast.

    Networks that also retouch seem better the less they do: in a range far too wide, what they add is little.
    """
    if found.form is not Form.PICTURE or found.input == UNIT:
        return None
    names = dict.fromkeys([evidence.name, *(family[0] for family in bench.samples.families)])
    able = [name for name in names if bench.psnr(name, found, _count(bench)) > bench.plain_psnr(name, _count(bench))]

    def most(one: Convention) -> float:
        return max(bench.revealed(name, one, _count(bench)) for name in able)

    commoner = [with_input(found, values) for values in (UNIT, LEVELS) if values.mean_span < found.input.mean_span]
    best = max(commoner, key=most, default=found)
    if most(best) < most(found) + LEAST_LEAD:
        return None
    return Doubt(f"{name_of(best.input)} shows more, at another brightness; --range overrides", grave=False)


def _uncoloured(bench: Bench, evidence: Evidence, found: Convention) -> Doubt | None:
    """Values of its own for each colour that serve no better than their mean for all, though the picture is another."""
    if len(set(found.input.low)) == 1:
        return None
    flat, name = _flattened(found), evidence.name
    if _mean_lead(bench, name, flat, found) <= -MARGIN or bench.alike(name, 0, flat, found):
        return None
    return Doubt(f"one mean for all colours is as good at {purpose(evidence)}; --range overrides", grave=False)


def _mere_brightness(bench: Bench, evidence: Evidence, found: Convention) -> Doubt | None:
    """A rare range, or one that leaves as another, of a network that does no more than to brighten, darken or flatten.

    A range moved or stretched does as much, so that the one best at a strength tried need not be the network's.
    """
    usual = found.input in (UNIT, LEVELS) and (found.form is not Form.PICTURE or found.output == found.input)
    if usual or not evidence.restores or _revealing(bench, evidence, found):
        return None
    return Doubt("all it does is brightness, which other ranges do as well; --range overrides", grave=False)


def _flattened(convention: Convention) -> Convention:
    """A convention with the means of black and of white for all colours."""
    values = convention.input
    return with_input(convention, ValueRange.uniform(float(np.mean(values.low)), float(np.mean(values.high))))


def _revealing(bench: Bench, evidence: Evidence, found: Convention) -> bool:
    """Whether the network does more than to brighten, darken or flatten."""
    return any(bench.verdict(evidence.name, index, found).revealing for index in range(_count(bench)))


def _indifferent(bench: Bench, evidence: Evidence, found: Convention) -> bool:
    """Whether the network restores as well at half and at twice the values."""
    name, count = evidence.name, _count(bench)
    score = bench.psnr(name, found, count)
    least = score - INDIFFERENT * (score - bench.plain_psnr(name, count))
    return all(bench.psnr(name, stretched(found, factor), count) >= least for factor in STRETCHES)


def _lead(bench: Bench, evidence: Evidence, one: Convention, found: Convention) -> float:
    """dB by which a convention is better than the one found, on the photo where that is least."""
    return min(bench.gain_over(evidence.name, index, one, found) for index in range(_count(bench)))


def _mean_lead(bench: Bench, name: str, one: Convention, found: Convention) -> float:
    """Likewise of any samples, on average."""
    return float(np.mean([bench.gain_over(name, index, one, found) for index in range(_count(bench))]))


def _overall_lead(bench: Bench, evidence: Evidence, one: Convention, found: Convention) -> float:
    """Likewise over all strengths that the one found restores. At one strength alone, what a range does to noise counts
    for as much as whether it is right."""
    names = _strengths(bench, evidence, found)
    return float(np.mean([_mean_lead(bench, name, one, found) for name in names]))


def _strengths(bench: Bench, evidence: Evidence, found: Convention) -> list[str]:
    """Of what the network restores, those that it restores at all."""
    family, count = next(family for family in bench.samples.families if evidence.name in family), _count(bench)
    able = [name for name in family if bench.psnr(name, found, count) > bench.plain_psnr(name, count)]
    return list(dict.fromkeys([evidence.name, *able]))


def _count(bench: Bench) -> int:
    return min(PHOTOS, bench.samples.count)
