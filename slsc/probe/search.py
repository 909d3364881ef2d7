"""The search for evidence: under which convention does the network restore something, and what?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from slsc.probe.bench import LEAST_GAIN, Bench, Verdict, penalty
from slsc.probe.convention import Convention, Form

MARGIN = 0.05
"""Lead in dB below which a convention counts as no better than a likelier one."""

PHOTOS = 2
"""Photos a convention must restore; one is not enough, since what a wrong range does may suit a photo."""

FINALISTS, FINAL_FAMILIES = 3, 2
"""Conventions, and kinds of degradation, that are looked at on every photo and in every strength."""

LITTLE = 0.15
"""Change of the input, over its variance, up to which an output is the input again, in another range."""

TOLD = 3.0
"""dB below bicubic down to which a super-resolution network that is no better still tells which range is right."""


@dataclass(frozen=True)
class Evidence:
    """A convention that the network turned out to be made for.

    Attributes:
        convention: see above.
        name: of the samples that show it.
        scores: mean PSNR in dB on them by convention, of all that were tried.
        plain_name: what the plain method is called.
        plain: likewise of its pictures.
        rivals: conventions that are as good.
        restores: whether they are restored better than by doing nothing.
    """

    convention: Convention
    name: str
    scores: dict[Convention, float]
    plain_name: str
    plain: float
    rivals: tuple[Convention, ...]
    restores: bool

    @property
    def gain(self) -> float:
        """dB over the plain method."""
        return self.scores[self.convention] - self.plain


Family = tuple[str, ...]


def purpose(evidence: Evidence) -> str:
    """What the network did with the samples that showed its convention."""
    return f"restoring {evidence.name}" if evidence.restores else f"coming near {evidence.name}"


def find_evidence(
    bench: Bench, tried: Sequence[Convention], families: Sequence[Family], *, tones: bool = True
) -> Evidence | None:
    """The convention with the largest lead over simple methods, on the samples where it is largest; None without one.

    What only brightens, darkens or flattens comes after all else: a wrong range does that too. It tells nothing where
    the best of it is that.

    Args:
        bench: the network and samples.
        tried: the likeliest first.
        families: those of the samples that are looked at.
        tones: what only brightens, darkens or flattens is looked at, too.
    """
    first = [(bench.verdict(family[0], 0, one), family, one) for family in families for one in tried]
    able = [entry for entry in first if entry[0].restores]
    found = _found(bench, tried, [entry for entry in able if entry[0].revealing])
    if found or not tones:
        return found
    plain = [entry for entry in able if not _explained(bench, entry[1][0], entry[2], tried)]
    leading = max(able, key=lambda entry: entry[0].lead, default=None)
    return _found(bench, tried, plain) if leading in plain else None


def _explained(bench: Bench, name: str, convention: Convention, tried: Sequence[Convention]) -> bool:
    """Whether another range of the output makes it the input, so that brightening or darkening says nothing.

    The least spoilt sample is looked at, too: what does next to nothing may do more to a dark or hazy photo.
    """
    firsts = [family[0] for family in bench.samples.families]
    mild = max(firsts, key=lambda first: bench.samples[first, 0].plain_psnr)
    others = [one for one in tried if one.input == convention.input and one.form is Form.PICTURE and not one.plain]
    return any(bench.change(state, 0, one) <= LITTLE for state in (name, mild) for one in others if one != convention)


def _found(
    bench: Bench, tried: Sequence[Convention], able: Sequence[tuple[Verdict, Family, Convention]]
) -> Evidence | None:
    """The best of what restores the first photo, looked at more closely."""
    count = min(PHOTOS, bench.samples.count)
    ranked = sorted(able, key=lambda entry: -entry[0].lead)
    conventions = list(dict.fromkeys(one for _, _, one in ranked))[:FINALISTS]
    finals = list(dict.fromkeys(family for _, family, _ in ranked))[:FINAL_FAMILIES]
    final = [
        (_worst(bench, name, one, count), name, one) for family in finals for name in family for one in conventions
    ]
    final = [entry for entry in final if entry[0].restores]
    if not final:
        return None
    _, name, _ = max(final, key=lambda entry: entry[0].lead)
    equals = [one for one in tried if _worst(bench, name, one, count).restores]
    return _chosen(bench, name, count, tried, equals, restores=True)


def find_nearest(bench: Bench, tried: Sequence[Convention]) -> Evidence | None:
    """For super-resolution: the convention nearest to the truth, if not far behind bicubic.

    A network made to please the eye is a little behind; in a wrong range it is far behind, or is bicubic itself.
    """
    count = min(PHOTOS, bench.samples.count)
    name = bench.samples.families[0][0]
    active = [one for one in tried if not bench.does_nothing(name, 0, one)]
    if not active or bench.psnr(name, max(active, key=lambda one: bench.psnr(name, one, count)), count) < (
        bench.plain_psnr(name, count) - TOLD
    ):
        return None
    return _chosen(bench, name, count, tried, active, restores=False)


def with_variant(bench: Bench, evidence: Evidence, variant: Convention) -> Evidence:
    """The evidence for a convention that is better than the one found, which was not looked for."""
    score = bench.psnr(evidence.name, variant, min(PHOTOS, bench.samples.count))
    return replace(evidence, convention=variant, scores={variant: score, **evidence.scores}, rivals=())


def adds_detail(bench: Bench, evidence: Evidence) -> bool:
    """Whether a super-resolution network that restores no better than bicubic brings some of what that lacks."""
    count = min(PHOTOS, bench.samples.count)
    gains = [bench.detail(evidence.name, index, evidence.convention) for index in range(count)]
    return min(gains) >= LEAST_GAIN


def undone(bench: Bench, evidence: Evidence) -> tuple[str, ...]:
    """What the network restores at least half as well as what it restores best, in dB; the best first."""
    count, convention = min(PHOTOS, bench.samples.count), evidence.convention
    gains: dict[str, float] = {}
    for family in bench.samples.families if bench.samples.plain == "input" else [(evidence.name,)]:
        if evidence.name in family or bench.verdict(family[0], 0, convention).restores:
            gains |= {name: _worst(bench, name, convention, count).gain for name in family}
    least = max(LEAST_GAIN, gains[evidence.name] / 2)
    able = [name for name, gain in gains.items() if gain >= least]
    return tuple(sorted(able, key=lambda name: (name != evidence.name, -gains[name])))


def _chosen(
    bench: Bench, name: str, count: int, tried: Sequence[Convention], able: Sequence[Convention], *, restores: bool
) -> Evidence:
    """The likeliest of those that are within the margin of the best."""
    scores = {one: bench.psnr(name, one, count) for one in tried}
    weighed = {one: scores[one] - penalty(one) for one in able}
    near = [one for one in able if weighed[one] >= max(weighed.values()) - MARGIN]
    return Evidence(
        near[0], name, scores, bench.samples.plain, bench.plain_psnr(name, count), tuple(near[1:]), restores
    )


def _worst(bench: Bench, name: str, convention: Convention, count: int) -> Verdict:
    """The verdict on the photo that gains least."""
    return min((bench.verdict(name, index, convention) for index in range(count)), key=lambda verdict: verdict.gain)
