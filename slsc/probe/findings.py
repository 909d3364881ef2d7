"""The probe's answers in words, each with how it is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from slsc.probe.convention import Convention, Known, name_of
from slsc.probe.nearby import Doubt
from slsc.probe.network import Geometry
from slsc.probe.result import Finding
from slsc.probe.search import Evidence, purpose
from slsc.runtime.bundle.value_range import ValueRange

ASSUMED = "it restores nothing that was tried"


def size_findings(geometry: Geometry, known: Known) -> list[Finding]:
    """Scale, task and sizes."""
    task = "restore" if geometry.scale == 1 else "sr"
    why = f"the output is {geometry.scale} times as high and wide as the input" if geometry.scale > 1 else "same size"
    sizes, size_why = _sizes_in_words(geometry)
    return [
        Finding("scale", f"x{geometry.scale}", "measured", why, {}),
        Finding("task", task, "measured", why, {}),
        Finding("size", sizes, "measured", size_why, {}),
    ]


def _sizes_in_words(geometry: Geometry) -> tuple[str, str]:
    if geometry.fixed_hw:
        return "{1}x{0} only".format(*geometry.fixed_hw), "the network takes no other"
    if geometry.multiple_of == (1, 1):
        return "any", "odd heights and widths run"
    height, width = geometry.multiple_of
    return f"height a multiple of {height}, width of {width}", "the network fails on other sizes"


def range_findings(
    convention: Convention, evidence: Evidence | None, known: Known, why: str, doubt: Doubt | None = None
) -> list[Finding]:
    """The range of the input, and that of the output where it is another or was looked for alone.

    Args:
        convention: the one found.
        evidence: what shows it; None where nothing does.
        known: what the user says.
        why: what is assumed rests on, without evidence.
        doubt: what speaks against the range found.
    """
    found = []
    for question, values, given in (
        ("range", convention.input, known.input),
        ("output range", convention.output, known.output),
    ):
        if given is not None:
            found.append(Finding(question, name_of(values), "given", "not measured", _plain(evidence)))
        elif evidence is None:
            why_not = f"{ASSUMED}; {why}; if you know it, give --{question.replace(' ', '-')} LOW:HIGH"
            found.append(Finding(question, name_of(values), "assumed", why_not, {}))
        else:
            found.append(_measured(question, values, convention, evidence, doubt))
    if convention.plain and known.output is None and known.input is None:
        return found[:1]
    return found


def _measured(
    question: str, values: ValueRange, convention: Convention, evidence: Evidence, doubt: Doubt | None
) -> Finding:
    scores: dict[str, float] = {}
    for one, score in evidence.scores.items():
        asked = one.input if question == "range" else one.output
        if question == "range" or (one.input, one.form) == (convention.input, convention.form):
            name = name_of(asked)
            scores[name] = max(score, scores.get(name, score))
    scores |= _plain(evidence)
    if doubt is not None:
        return Finding(question, name_of(values), "assumed", doubt.why, scores)
    rivals = {name_of(one.input if question == "range" else one.output) for one in evidence.rivals} - {name_of(values)}
    if rivals:
        names = " and ".join((name_of(values), *sorted(rivals)))
        return Finding(question, name_of(values), "assumed", f"{names} are equally good at {purpose(evidence)}", scores)
    return Finding(question, name_of(values), "measured", f"best at {purpose(evidence)}", scores)


def _plain(evidence: Evidence | None) -> dict[str, float]:
    return {} if evidence is None else {evidence.plain_name: evidence.plain}


def form_finding(convention: Convention, evidence: Evidence | None, known: Known, doubt: str | None = None) -> Finding:
    """Whether the output is the picture; `doubt` says why it may be another than found."""
    answer = convention.words
    if known.form is not None:
        return Finding("picture", answer, "given", "not measured", {})
    if evidence is None:
        return Finding("picture", answer, "assumed", f"{ASSUMED}; --residual overrides", {})
    scores: dict[str, float] = {}
    for one, score in evidence.scores.items():
        if one.input == convention.input:
            scores[one.words] = max(score, scores.get(one.words, score))
    if doubt is not None:
        return Finding("picture", answer, "assumed", doubt, scores)
    return Finding("picture", answer, "measured", f"best at {purpose(evidence)}", scores)


def turned_finding(order: Finding) -> Finding:
    """The order of colours of a network that puts them out the other way round, given what it takes."""
    return replace(order, answer=f"{order.answer} in, {order.answer[::-1]} out")


def colour_finding(order: str, known: Known, doubt: str | None, psnrs: Mapping[str, float], name: str = "") -> Finding:
    """The order of colours; `doubt` says why the measurement does not tell, None where it does."""
    if known.order is not None:
        return Finding("order", order, "given", "not measured", {})
    if order == "Y":
        return Finding("order", "Y", "measured", "one channel is taken as luma", {})
    if not psnrs:
        return Finding("order", order, "assumed", f"{ASSUMED}; --order overrides", {})
    if doubt is not None:
        return Finding("order", order, "assumed", f"{doubt}; --order overrides", psnrs)
    lead = abs(psnrs["RGB"] - psnrs["BGR"])
    return Finding("order", order, "measured", f"better by {lead:.2f} dB at restoring {name}", psnrs)
