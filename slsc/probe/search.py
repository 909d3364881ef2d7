"""The search for evidence: under which convention does the network restore something, and what?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slsc.probe.bench import LEAST_GAIN, Bench, Verdict
from slsc.probe.convention import Convention

MARGIN = 0.1
"""Lead in dB below which a convention counts as no better than a likelier one."""

PHOTOS = 2
"""Photos a convention must restore; one is not enough, since what a wrong range does may suit a photo."""

FINALISTS, FINAL_FAMILIES = 3, 2
"""Conventions, and kinds of degradation, that are looked at on every photo and in every strength."""

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


Family = tuple[str, ...]


def find_evidence(bench: Bench, tried: Sequence[Convention], families: Sequence[Family]) -> Evidence | None:
    """The convention with the largest lead over simple methods, on the samples where it is largest; None without one.

    Args:
        bench: the network and samples.
        tried: the likeliest first.
        families: those of the samples that are looked at.
    """
    count = min(PHOTOS, bench.samples.count)
    first = [(bench.verdict(family[0], 0, one), family, one) for family in families for one in tried]
    ranked = sorted((entry for entry in first if entry[0].restores), key=lambda entry: -entry[0].lead)
    conventions = list(dict.fromkeys(one for _, _, one in ranked))[:FINALISTS]
    finals = list(dict.fromkeys(family for _, family, _ in ranked))[:FINAL_FAMILIES]
    final = [
        (_worst(bench, name, one, count), name, one) for family in finals for name in family for one in conventions
    ]
    final = [entry for entry in final if entry[0].restores]
    if not final:
        return None
    _, name, _ = max(final, key=lambda entry: entry[0].lead)
    able = [one for one in tried if _worst(bench, name, one, count).restores]
    return _chosen(bench, name, count, tried, able, restores=True)


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
    best = max(scores[one] for one in able)
    near = [one for one in able if scores[one] >= best - MARGIN]
    return Evidence(
        near[0], name, scores, bench.samples.plain, bench.plain_psnr(name, count), tuple(near[1:]), restores
    )


def _worst(bench: Bench, name: str, convention: Convention, count: int) -> Verdict:
    """The verdict on the photo that gains least."""
    return min((bench.verdict(name, index, convention) for index in range(count)), key=lambda verdict: verdict.gain)
