"""The probe: every convention is run, the one that restores best is taken, and doubt is said aloud."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import onnx

from slsc.data.patches import Pair
from slsc.errors import DataError, UsageError
from slsc.passes.base import PassContext
from slsc.passes.importing.turn_colours import TurnColours
from slsc.passes.pipeline import Pipeline
from slsc.probe.assume import assumed, refutation
from slsc.probe.bench import Bench
from slsc.probe.convention import LEVELS, Convention, Form, Known, all_tried, deep_tried, name_of
from slsc.probe.ends import about_grey, turns_colours
from slsc.probe.findings import form_finding, range_findings, size_findings, turned_finding
from slsc.probe.form import form_doubt
from slsc.probe.nearby import Doubt, doubt_of, variant_beside
from slsc.probe.network import Geometry, ProbedNetwork, find_geometry
from slsc.probe.order import decide_order
from slsc.probe.result import Finding, ProbeResult
from slsc.probe.samples import Photo, made_of, paired
from slsc.probe.search import MARGIN, PHOTOS, Evidence, adds_detail, find_evidence, find_nearest, undone, with_variant
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.value_range import LARGEST

APART = 1.0
"""dB by which a range of more bits must restore something by more than another does to be taken without a word."""


def probe_io(
    model: onnx.ModelProto,
    photos: Sequence[Photo],
    known: Known | None = None,
    pairs: Callable[[int], Sequence[Pair]] | None = None,
) -> ProbeResult:
    """Find a network's image interface by running it.

    Scale, task and sizes follow from the output's size. The ranges of input and output, the colour order, and whether
    the output is the picture or what is wrong with the input, are those under which the network restores photos best:
    shrunk ones for super-resolution, degraded ones for same-size networks, or the user's own pairs. Where it restores
    nothing, the likeliest is assumed; that a network leaves photos as they are says nothing for a range. Nor is a range
    measured that ranges beside it beat, which are not tried themselves, or whose scale the network does not mind: one
    that is not doubted, in which the network restores something by more, is taken before it.

    Args:
        model: one image input, one image output of the same channels.
        photos: HxWx3 uint8 RGB, at least one unless there are pairs; two to four with colour and detail suffice.
        known: what the user says, which wins over the measurement; scale and task must be what the network does.
        pairs: by the network's scale, inputs and wanted outputs, in place of photos.

    Raises:
        ModelError: the network does not run, or its output is not an image.
        UsageError: what the user says contradicts the network.
        DataError: there is no photo.
    """
    if not photos and pairs is None:
        raise DataError("no photo to probe the network with", hint="give a folder of images: --data DIR")
    known = known or Known()
    network = ProbedNetwork(model)
    geometry = find_geometry(network)
    _require_possible(network.channels, geometry, known)
    channels = network.channels
    samples = paired(pairs(geometry.scale), geometry, channels) if pairs else made_of(photos, geometry, channels)
    turned = turns_colours(network, samples)
    if turned:
        network = ProbedNetwork(Pipeline([TurnColours()]).run(model, PassContext()).model)
    bench = Bench(network, samples)
    same_size = geometry.scale == 1
    tried = all_tried(known, channels, same_size=same_size)
    centred = about_grey(bench, tried)
    tried = centred or tried
    found = _found(bench, tried, known, same_size=same_size)
    if same_size and found.evidence and found.doubt:
        others = [one for one in tried if one.input != found.convention.input]
        other = _found(bench, others, known, same_size=True) if others else found
        if other.evidence and other.doubt is None and other.evidence.gain > found.evidence.gain:
            found = other
    if known.input is None and found.may_be_deep and not centred:
        for each in deep_tried(known, channels, same_size=same_size):
            found = _of_both(bench, found, _found(bench, each, known, same_size=same_size))
    convention, evidence, doubt = found.convention, found.evidence, found.doubt
    order_finding = turned_finding(found.order) if turned else found.order
    ranges = range_findings(convention, evidence, known, found.why, doubt)
    settled = doubt is None or not doubt.grave
    sizes = size_findings(geometry, known)
    form_why = form_doubt(bench, evidence, convention) if evidence and known.form is None else None
    form = () if geometry.scale > 1 else (form_finding(convention, evidence, known, form_why),)
    return ProbeResult(
        _io(network, geometry, convention),
        (*sizes, *ranges, *form, order_finding),
        convention.form,
        convention.output,
        undone(bench, evidence) if evidence and evidence.restores and settled else (),
        {} if evidence and settled else _attempts(bench, convention),
        settled and _plausible(bench, convention, evidence),
        doubt.why if doubt and doubt.grave else "",
        convention.grey * convention.output.mean_span,
        turned,
    )


@dataclass(frozen=True)
class _Found:
    """A convention and its colour order, what it rests on, and what speaks against it."""

    convention: Convention
    evidence: Evidence | None
    why: str
    order: Finding
    doubt: Doubt | None

    @property
    def gain(self) -> float:
        """dB by which the network restores something; minus infinity where it does not, or for grave doubts."""
        shown = self.evidence and self.evidence.restores and not (self.doubt and self.doubt.grave)
        return self.evidence.gain if shown and self.evidence else -math.inf

    @property
    def may_be_deep(self) -> bool:
        """Whether levels of more than 8 bits may suit better: nothing does yet, or those of 8 bits."""
        return self.gain == -math.inf or self.convention.input.mean_span >= LEVELS.mean_span


def _found(bench: Bench, tried: Sequence[Convention], known: Known, *, same_size: bool) -> _Found:
    """The best of what is tried."""
    evidence = _evidence(bench, tried, same_size=same_size)
    if evidence and evidence.convention.order == "BGR" and known.order is None:  # the ranges alike for all colours, too
        turned = list(dict.fromkeys(one.turned("BGR") for one in tried))
        evidence = _evidence(bench, turned, same_size=same_size) or evidence
    convention, why = (evidence.convention, "") if evidence else assumed(bench, tried)
    convention, order = decide_order(bench, convention, evidence, known)
    variant = variant_beside(bench, evidence, convention, known) if evidence and evidence.restores else None
    if evidence and variant is not None:
        evidence = with_variant(bench, evidence, variant)
        convention, order = decide_order(bench, variant, evidence, known)
    ordered = order.how != "assumed"
    doubt = doubt_of(bench, evidence, convention, known, ordered=ordered) if evidence else None
    return _Found(convention, evidence, why, order, doubt)


def _of_both(bench: Bench, found: _Found, deep: _Found) -> _Found:
    """Of a range found and one of more bits, the one that is better at what the other restores, too.

    Where each is better at its own, one of more bits that is doubted counts for nothing, and one that restores its own
    by clearly more is taken. Else a doubt is left: the other is taken if that does, or the one that is further ahead
    of simple methods.
    """
    if found.evidence is None or found.gain == -math.inf or deep.evidence is None or deep.gain == -math.inf:
        return found if deep.gain == -math.inf else deep
    count = min(PHOTOS, bench.samples.count)

    def ahead(name: str) -> float:
        return bench.psnr(name, deep.convention, count) - bench.psnr(name, found.convention, count)

    if ahead(deep.evidence.name) <= MARGIN:
        return found
    if ahead(found.evidence.name) > MARGIN:
        return deep
    if deep.doubt is not None:
        return found
    if deep.gain > found.gain + APART:
        return deep
    if found.gain > deep.gain + APART:
        chosen, other = found, deep
    else:
        chosen, other = sorted((found, deep), key=lambda one: _least_lead(bench, one, count), reverse=True)
    why = f"{name_of(other.convention.input)} restores other things as well; --range overrides"
    return replace(chosen, doubt=chosen.doubt or Doubt(why, grave=False))


def _least_lead(bench: Bench, one: _Found, count: int) -> float:
    """dB over simple methods at what it restores, on the photo where that is least."""
    assert one.evidence is not None
    return min(bench.verdict(one.evidence.name, index, one.convention).lead for index in range(count))


def _plausible(bench: Bench, convention: Convention, evidence: Evidence | None) -> bool:
    if evidence is None:
        return bench.samples.plain == "input" and refutation(bench, convention) is None
    return evidence.restores or adds_detail(bench, evidence)


def _attempts(bench: Bench, convention: Convention) -> dict[str, tuple[float, float]]:
    """PSNR in dB of what was tried in vain, and of doing nothing; what came nearest first."""
    names = [family[0] for family in bench.samples.families]
    found = {name: (bench.psnr(name, convention, 1), bench.plain_psnr(name, 1)) for name in names}
    return dict(sorted(found.items(), key=lambda entry: entry[1][1] - entry[1][0]))


def _evidence(bench: Bench, tried: Sequence[Convention], *, same_size: bool) -> Evidence | None:
    """What is rare is looked at last: networks of equal size for one strength only, super-resolution of real photos,
    which undoes more than shrinking, and what is made to please the eye."""
    families = bench.samples.families
    if same_size:
        others = [(name,) for family in families for name in family[1:]]
        return find_evidence(bench, tried, families) or find_evidence(bench, tried, others, tones=False)
    return (
        find_evidence(bench, tried, families[:1])
        or find_evidence(bench, tried, families[1:])
        or find_nearest(bench, tried)
    )


def _io(network: ProbedNetwork, geometry: Geometry, convention: Convention) -> ImageIO:
    """The interface; of a network that puts out a difference, as it is once that is written into the graph."""
    return ImageIO(
        channels=network.channels,
        order=convention.order,
        input_range=convention.input,
        output_range=convention.output if convention.form is Form.PICTURE else convention.input,
        input=network.input,
        output=network.output,
        scale=geometry.scale,
        task="restore" if geometry.scale == 1 else "sr",
        fixed_hw=geometry.fixed_hw,
        multiple_of=geometry.multiple_of,
    )


def _require_possible(channels: int, geometry: Geometry, known: Known) -> None:
    task = "restore" if geometry.scale == 1 else "sr"
    if known.scale not in (None, geometry.scale):
        raise UsageError(
            f"scale {known.scale} was asked for, the network's is {geometry.scale}", hint="leave the scale out"
        )
    if known.task not in (None, task):
        raise UsageError(f"task {known.task!r} was asked for, the network's is {task!r}", hint="leave the task out")
    if known.form not in (None, Form.PICTURE) and geometry.scale > 1:
        raise UsageError(
            "a network that enlarges puts out the picture", hint="--residual is for networks of one size in and out"
        )
    for values in filter(None, (known.input, known.output)):
        if not all(-LARGEST <= low < high <= LARGEST for low, high in zip(values.low, values.high, strict=True)):
            raise UsageError(f"value range {values} is not usable", hint="give black before white, such as 0:255")
        if len(values.low) not in (1, channels):
            raise UsageError(
                f"{len(values.low)} means and deviations do not go with {channels} channels",
                hint="give one, or one a channel",
            )
    orders = ("Y",) if channels == 1 else ("RGB", "BGR")
    if known.order is not None and known.order not in orders:
        raise UsageError(
            f"colour order {known.order!r} does not fit {channels} channels", hint=f"use {' or '.join(orders)}"
        )
