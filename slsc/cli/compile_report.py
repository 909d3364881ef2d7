"""What `slsc compile` tells of what it made."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from slsc.cli.console import table
from slsc.cli.hardware_options import show_hardware
from slsc.cli.precision_options import show_layers, show_shares
from slsc.cli.timing_options import show_frontier

OUT_OF_REACH = 2
"""Warned from so many times the budget on that a whole network keeps."""

if TYPE_CHECKING:
    from slsc.jobs.compile.measuring import Quality
    from slsc.jobs.compile.paying import Race
    from slsc.jobs.compile.report import CompileReport, Figures


def show(report: CompileReport) -> str:
    """What was found, and the before/after table."""
    from slsc.metrics.protocol import protocol_for

    height, width = report.output_hw
    kinds = _kinds(report.engines)
    header = (
        "network",
        "share",
        "of all",
        "kept params",
        f"GMACs at {width}x{height}",
        *(["predicted ms"] if report.device else []),
        *(["ms here"] if report.race else []),
        *(f"{kind} MB" for kind in kinds),
        "dB to dense",
        protocol_for(report.probe.io).psnr_title,
    )
    rows = [_row(figures, kinds, report.race) for figures in (report.dense, *report.engines)]
    tile = report.tile
    return "\n".join(
        (
            *(f"network: {note}" for note in report.notes),
            *report.probe.lines(),
            *([_rounding(report.quantized)] if report.quantized else []),
            f"tiles: halo {tile.halo} px, off by {255 * tile.bound:.2f} of 255 at most; receptive field "
            f"{'unbounded' if tile.receptive_field is None else f'{tile.receptive_field} px'}; {_closing(report)}",
            "",
            table(header, rows, "<" + ">" * (len(header) - 1)),
            "",
            *(f"{figures.name}: {why}" for figures in report.engines for why in figures.refusals.values()),
            *show_hardware(report.hardware),
            *show_frontier(report),
            *_types(report),
            *_raced(report),
            *_tiled(report),
            f"dB measured on {report.held_out} held-out {_state(report)}{_plain(report)}",
            *_adaptive(report),
            f"{report.seconds:.0f} s, {_memory(report)}",
        )
    )


def warnings(report: CompileReport) -> list[str]:
    """What the user is to be warned of."""
    beyond = (each for each in report.engines if each.share_of_all > OUT_OF_REACH * each.budget)
    return [*report.probe.doubts(), *report.warnings, *map(_out_of_reach, beyond), *_gaining_nothing(report)]


def _adaptive(report: CompileReport) -> list[str]:
    """What choosing by region brings."""
    estimator = report.estimator
    if estimator is None:
        return []
    quality = estimator.quality
    if estimator.classifies:
        largest = estimator.candidates[-1]
        return [
            f"classes: on the calibration photos the average region costs {estimator.budget:.4f} of dense, on the "
            f"held-out ones {quality['cost']:.4f}; that loses {quality['loss_db']:.2f} dB to {largest} everywhere, "
            f"{quality['oracle_loss_db']:.2f} if errors were known"
        ]
    return [
        f"adaptive: beta {estimator.beta:.4g} costs {estimator.budget:.4f} of dense on the calibration photos "
        f"({estimator.beta_engines:.4g} in one pass by region); at one engine's cost regions gain "
        f"{quality['gain_db']:.2f} dB on photos that it did not learn from, "
        f"{quality['oracle_gain_db']:.2f} if errors were known; "
        f"rank correlation {quality['rank_correlation']:.2f}, bias {quality['bias_db']:+.2f} dB"
    ]


def _types(report: CompileReport) -> list[str]:
    """What the engines' layers compute in: in a line where that was not asked for, else in a table."""
    left: dict[str, list[str]] = {}
    lines: list[str] = []
    for figures in report.engines:
        if figures.untyped:
            left.setdefault(figures.untyped, []).append(figures.name)
        elif figures.layers:
            loss = "" if figures.loss is None else f"; that loses {figures.loss:.4f} dB"
            if report.precision.optional:
                lines.append(
                    f"{figures.name}: {show_shares(figures.layers)}{loss} (--precision float32: all in float32)"
                )
            else:
                lines += [f"{figures.name}:", show_layers(figures.layers) + loss, ""]
    return [*lines, *(f"{', '.join(names)}: float32: {why}" for why, names in left.items())]


def _raced(report: CompileReport) -> list[str]:
    """What the times are of."""
    race = report.race
    if race is None:
        return []
    height, width = race.hw
    return [
        f"ms here: the native engine, one thread of this processor, input {width}x{height}; dense in {_dense_in(race)}"
    ]


def _gaining_nothing(report: CompileReport) -> list[str]:
    """Which engines save no time on this processor."""
    race = report.race
    slow = [each.name for each in report.engines if race and each.share < 1 and not race.gains(each.name)]
    if race is None or not slow:
        return []
    times = ", ".join(f"{race.ms[name]:.1f}" for name in slow)
    return [
        f"pruning gains next to no time on this processor: {', '.join(slow)} take {times} ms for an image, the dense "
        f"network in {_dense_in(race)} {race.ms['dense']:.1f}; --budget 1 restores better in that time, and pruned "
        "engines gain on other processors"
    ]


def _dense_in(race: Race) -> str:
    return "float32" if race.dense_in == "float32" else "bfloat16"


def _tiled(report: CompileReport) -> list[str]:
    """What the multiply-accumulates of a network of one size are counted for."""
    if report.probe.io.fixed_hw is None:
        return []
    height, width = report.output_hw
    size = "{1}x{0}".format(*report.probe.io.fixed_hw)
    return [f"GMACs of the {report.tiles} tiles of {size}, halos included, that {width}x{height} takes"]


def _rounding(quantized: Quality) -> str:
    """What it means that the network's own file computes in integers."""
    taken = "quantized: taken as floating point, without rounding between its layers"
    if quantized.psnr_to_dense is None:
        return f"{taken}; what that changes was not measured: as its file has it, it does not run on the photos"
    itself = "" if quantized.psnr is None else f", with the rounding: {quantized.psnr:.2f} dB {quantized.psnr_name}"
    return f"{taken}; that changes held-out photos by {quantized.psnr_to_dense:.2f} dB{itself}"


def _out_of_reach(figures: Figures) -> str:
    return (
        f"engine {figures.name} keeps {figures.share_of_all:.0%} of all multiply-accumulates, "
        f"{figures.share:.1%} of those in the layers that can be pruned: the rest of the network costs what it did"
    )


def _closing(report: CompileReport) -> str:
    """How a user gets what the whole image would give."""
    tile = report.tile
    if tile.exact:
        return "`slsc run --exact` closes the gap"
    if report.probe.io.fixed_hw:
        return f"not to be closed: {tile.exact_reason}"
    return f"no halo closes the gap ({tile.exact_reason}), `slsc run --exact` does by running the photo whole"


def _state(report: CompileReport) -> str:
    if report.labelled:
        return "pairs"
    if report.probe.io.scale > 1 or not report.probe.undone:
        return "photos"
    return f"photos with {', '.join(report.probe.undone)}"


def _plain(report: CompileReport) -> str:
    """What doing nothing gives on them."""
    if report.plain_psnr is None:
        return ""
    return f"; {'bicubic' if report.probe.io.scale > 1 else 'the input'} has {report.plain_psnr:.2f}"


def _memory(report: CompileReport) -> str:
    return "memory unknown" if report.peak_bytes is None else f"{report.peak_bytes / 2**30:.1f} GiB at most"


def _kinds(engines: Sequence[Figures]) -> list[str]:
    """The kinds of artefacts that were made of some engine, or were to be."""
    return list(dict.fromkeys(kind for figures in engines for kind in (*figures.artefact_bytes, *figures.refusals)))


def _row(figures: Figures, kinds: Sequence[str], race: Race | None) -> tuple[str, ...]:
    quality = figures.quality
    return (
        figures.name,
        f"{figures.share:.4f}",
        f"{figures.share_of_all:.4f}",
        f"{figures.params:,}",
        f"{figures.macs / 1e9:.3f}",
        *([] if figures.predicted_ms is None else [f"{figures.predicted_ms:.2f}"]),
        *([f"{race.ms[figures.name]:.1f}"] if race else []),
        *(f"{figures.artefact_bytes[kind] / 1e6:.2f}" if kind in figures.artefact_bytes else "-" for kind in kinds),
        "-" if quality.psnr_to_dense is None else f"{quality.psnr_to_dense:.2f}",
        "-" if quality.psnr is None else f"{quality.psnr:.2f}",
    )


def as_json(report: CompileReport) -> dict[str, Any]:
    """The report as JSON-ready values."""
    return {
        **dataclasses.asdict(report),
        "probe": report.probe.to_dict(),
        "hardware": report.hardware.to_dict(),
    }
