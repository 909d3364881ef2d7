"""The probe's decisions: every hypothesis is run, the one that restores best wins, and doubt is said aloud."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from slsc.errors import DataError, UsageError
from slsc.probe.network import Convention, Geometry, ProbedNetwork, find_geometry
from slsc.probe.result import Finding, ProbeResult
from slsc.probe.trial import Photo, Trial, make_trial
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.value_range import ValueRange

RANGES = ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0), (-0.5, 0.5))
"""Value ranges tried, the commonest first: it is taken where the measurement cannot tell."""

RANGE_MARGIN, ORDER_MARGIN = 0.1, 0.02
"""Lead in dB below which a range or a colour order counts as undetermined. Swapping red and blue costs trained
networks little (CARN, EDSR, IMDN, RFDN: 0.04 to 0.25 dB on photos), a wrong range several dB."""

RANGE_PHOTOS = 2
"""Photos that decide the range; the colour order, whose differences are small, takes all there are."""


def probe_io(
    model: onnx.ModelProto,
    photos: Sequence[Photo],
    *,
    scale: int | None = None,
    value_range: tuple[float, float] | None = None,
    order: str | None = None,
    task: str | None = None,
) -> ProbeResult:
    """Find a network's image interface by running it.

    Scale, task and sizes follow from the output's size. The value range and colour order are those under which the
    network restores photos best: shrunk ones for super-resolution, degraded (or, where it undoes no degradation tried,
    clean) ones for same-size networks.

    Args:
        model: one image input, one image output of the same channels.
        photos: HxWx3 uint8 RGB, at least one; two to four with colour and detail suffice.
        scale: a whole factor, only a guard: it must be what the network does.
        value_range: network values of black and white; wins over the measurement.
        order: "RGB", "BGR", or "Y" for one channel; wins over the measurement.
        task: "sr" or "restore", only a guard as `scale` is.

    Raises:
        ModelError: the network does not run, or its output is not an image.
        UsageError: an override contradicts the network.
        DataError: there is no photo.
    """
    if not photos:
        raise DataError("no photo to probe the network with", hint="give a folder of images: --data DIR")
    network = ProbedNetwork(model)
    _require_overrides(network.channels, value_range, order)
    geometry = find_geometry(network)
    sizes = _size_findings(geometry, scale, task)
    colour = order or ("Y" if network.channels == 1 else "RGB")
    tried = [Convention(low, high, colour) for low, high in ([value_range] if value_range else RANGES)]
    trial = make_trial(network, geometry, photos, tried)
    convention, range_finding = _decide_range(trial, tried)
    convention, order_finding = _decide_order(trial, convention, given=order is not None)
    values = ValueRange.uniform(convention.low, convention.high)
    io = ImageIO(
        channels=network.channels,
        order=convention.order,
        input_range=values,
        output_range=values,
        input=network.input,
        output=network.output,
        scale=geometry.scale,
        task="restore" if geometry.scale == 1 else "sr",
        fixed_hw=geometry.fixed_hw,
        multiple_of=geometry.multiple_of,
    )
    return ProbeResult(io, (*sizes, range_finding, order_finding), trial.degradation)


def _size_findings(geometry: Geometry, scale: int | None, task: str | None) -> list[Finding]:
    """Scale, task and sizes, checked against what the user says."""
    found_task = "restore" if geometry.scale == 1 else "sr"
    if scale not in (None, geometry.scale):
        raise UsageError(f"scale {scale} was asked for, the network's is {geometry.scale}", hint="leave the scale out")
    if task not in (None, found_task):
        raise UsageError(f"task {task!r} was asked for, the network's is {found_task!r}", hint="leave the task out")
    why = f"the output is {geometry.scale} times as high and wide as the input" if geometry.scale > 1 else "same size"
    sizes, size_why = _sizes_in_words(geometry)
    return [
        Finding("scale", f"x{geometry.scale}", "measured", why, {}),
        Finding("task", found_task, "measured", why, {}),
        Finding("size", sizes, "measured", size_why, {}),
    ]


def _sizes_in_words(geometry: Geometry) -> tuple[str, str]:
    if geometry.fixed_hw:
        return "{1}x{0} only".format(*geometry.fixed_hw), "the input declares it"
    if geometry.multiple_of == (1, 1):
        return "any", "odd heights and widths run"
    height, width = geometry.multiple_of
    return f"height a multiple of {height}, width of {width}", "the network fails on other sizes"


def _require_overrides(channels: int, value_range: tuple[float, float] | None, order: str | None) -> None:
    if value_range is not None and not -1e6 <= value_range[0] < value_range[1] <= 1e6:
        raise UsageError(f"value range {value_range} is not usable", hint="give black before white, such as 0 255")
    orders = ("Y",) if channels == 1 else ("RGB", "BGR")
    if order is not None and order not in orders:
        raise UsageError(f"colour order {order!r} does not fit {channels} channels", hint=f"use {' or '.join(orders)}")


def _decide_range(trial: Trial, tried: Sequence[Convention]) -> tuple[Convention, Finding]:
    """The first convention of `tried` that is within the margin of the best."""
    scores = [trial.score(one, RANGE_PHOTOS) for one in tried]
    best = max(scores)
    near = [one for one, score in zip(tried, scores, strict=True) if score >= best - RANGE_MARGIN]
    hopeless = best < trial.least(RANGE_PHOTOS)
    chosen = tried[0] if hopeless else near[0]
    psnrs = {str(one): score for one, score in zip(tried, scores, strict=True)}
    if trial.plain is not None:
        psnrs[trial.plain] = trial.plain_score(RANGE_PHOTOS)
    if len(tried) == 1:
        how, why = "given", f"compared with other methods by {trial.purpose}"
    elif hopeless:
        how, why = "assumed", f"no range is good at {trial.purpose}; if you know it, give --range LOW:HIGH"
    elif len(near) > 1:
        how, why = "assumed", f"{' and '.join(map(str, near))} are equally good at {trial.purpose}"
    else:
        how, why = "measured", f"best at {trial.purpose}"
    return chosen, Finding("range", str(chosen), how, why, psnrs)


def _decide_order(trial: Trial, convention: Convention, *, given: bool) -> tuple[Convention, Finding]:
    """RGB, unless BGR is better by more than the margin."""
    if given:
        return convention, Finding("order", convention.order, "given", "not measured", {})
    if convention.order == "Y":
        return convention, Finding("order", "Y", "measured", "one channel is taken as luma", {})
    options = [Convention(convention.low, convention.high, order) for order in ("RGB", "BGR")]
    photos = len(trial.samples)
    scores = [trial.score(option, photos) for option in options]
    psnrs = {option.order: score for option, score in zip(options, scores, strict=True)}
    lead = scores[0] - scores[1]
    chosen = options[0] if lead > -ORDER_MARGIN else options[1]
    how, why = "measured", f"better by {abs(lead):.2f} dB at {trial.purpose}"
    if max(scores) < trial.least(photos):
        chosen, how, why = options[0], "assumed", f"neither is good at {trial.purpose}; --order overrides"
    elif abs(lead) < ORDER_MARGIN:
        how, why = "assumed", f"the orders differ by {abs(lead):.3f} dB, too little to tell"
    return chosen, Finding("order", chosen.order, how, why, psnrs)
