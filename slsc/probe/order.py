"""The order of colours: the one in which the network restores better, where all that was tried agrees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from slsc.probe.bench import Bench
from slsc.probe.convention import Convention, Known
from slsc.probe.findings import colour_finding
from slsc.probe.result import Finding
from slsc.probe.search import PHOTOS, Evidence

ORDER_MARGIN = 0.02
"""Lead in dB below which a colour order counts as undetermined. Swapping red and blue costs trained networks little
(CARN, EDSR, IMDN, RFDN: 0.04 to 0.25 dB on photos)."""

CHANCE = 0.2
"""Lead in dB up to which BGR may be chance where a network restores images of the same size: one trained on few photos
of RGB got 0.16 dB by it. Networks that enlarge mind colours less: 0.05 dB tell as much of those."""

HARM = 1.0
"""dB up to which a network may make worse what it is not made for, and its order there still says something."""


def decide_order(
    bench: Bench, convention: Convention, evidence: Evidence | None, known: Known
) -> tuple[Convention, Finding]:
    """RGB, unless BGR is better by more than the margin, and no photo says otherwise.

    The strength looked at is the one that is restored best, in whichever order. Where another strength disagrees, the
    order is assumed: a lead on one degradation may be chance. BGR, being rare, must also lead on what else the network
    leaves about as good as it was, and is assumed where it leads by no more than `CHANCE`.

    Args:
        bench: the network and samples.
        convention: in the order in which the ranges were found.
        evidence: what it restores; None if nothing.
        known: what the user says.
    """
    if known.order is not None or convention.order == "Y" or evidence is None:
        return convention, colour_finding(convention.order, known, None, {})
    both = (_in_order("RGB", convention, known), _in_order("BGR", convention, known))
    own = next(family for family in bench.samples.families if evidence.name in family)
    strengths = [name for name in own if _least_harm(bench, name, both) > 0] or [evidence.name]
    count = bench.samples.count
    scores = {name: [bench.psnr(name, one, count) for one in both] for name in strengths}
    best = max(strengths, key=lambda name: max(scores[name]))
    lead = scores[best][0] - scores[best][1]
    psnrs = {one.order: score for one, score in zip(both, scores[best], strict=True)}
    if abs(lead) < ORDER_MARGIN:
        why = f"the orders differ by {abs(lead):.3f} dB, too little to tell"
        return both[0], colour_finding("RGB", known, why, psnrs)
    if any(_disagrees(bench.gain_over(best, index, *both), lead) for index in range(count)):
        why = f"one photo speaks for it, another against it, at {best}"
        return both[0], colour_finding("RGB", known, why, psnrs)
    against = next((name for name in strengths if _disagrees(scores[name][0] - scores[name][1], lead)), None)
    if lead < 0 and _disagrees(_lead_elsewhere(bench, both, own), lead):
        why = f"{best} speaks for BGR, what else was tried against it"
        return both[0], colour_finding("RGB", known, why, psnrs)
    chosen = both[lead < 0]
    if against is not None:
        why = f"{best} speaks for it, {against} against it"
        return chosen, colour_finding(chosen.order, known, why, psnrs)
    if -CHANCE < lead < 0 and bench.samples.plain == "input":
        why = f"BGR is rare, and better by only {-lead:.2f} dB at {best}"
        return chosen, colour_finding(chosen.order, known, why, psnrs)
    return chosen, colour_finding(chosen.order, known, None, psnrs, best)


def _in_order(order: str, convention: Convention, known: Known) -> Convention:
    """The convention in an order; values that the user gave stay, being in the network's own.

    So do those of an output that was found to be as the input.
    """
    turned = convention.turned(order)
    values = known.input or turned.input
    same = values if convention.output == convention.input else turned.output
    return replace(turned, input=values, output=known.output or same)


def _disagrees(other: float, lead: float) -> bool:
    return abs(other) >= ORDER_MARGIN and (other > 0) != (lead > 0)


def _lead_elsewhere(bench: Bench, both: Sequence[Convention], own: Sequence[str]) -> float:
    """Mean lead of RGB in dB over the other kinds of degradation that do not suffer much; 0 without one."""
    names = [family[0] for family in bench.samples.families if family[0] not in own]
    count = min(PHOTOS, bench.samples.count)
    leads = [
        bench.psnr(name, both[0], count) - bench.psnr(name, both[1], count)
        for name in names
        if _least_harm(bench, name, both) >= -HARM
    ]
    return float(np.mean(leads)) if leads else 0.0


def _least_harm(bench: Bench, name: str, both: Sequence[Convention]) -> float:
    """dB over doing nothing, in the better order."""
    count = min(PHOTOS, bench.samples.count)
    return max(bench.psnr(name, one, count) for one in both) - bench.plain_psnr(name, count)
