"""Show a network's or a bundle's layers: shape, cost, N:M pattern, and whether 2:4 hardware could take them.

N:M is what the weights hold: the smallest N such that no group of M consecutive input channels has more non-zeros.
2:4 is what sparse tensor cores could do with a layer as it stands: eligible, or dense and why: grouped, transposed,
C%4 (input channels no multiple of 4), N>M/2 (too many weights kept), or window: the first window of 4 input channels
with more than 2 non-zeros, as output channel k, first input channel c, kernel position r,s. Eligible is not faster:
TensorRT times both ways and often stays dense. "bound" and "at best" say what a roofline of --device allows; "padded"
is what a layer's multiply-accumulates would become with hidden channels in multiples of 16.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slsc.cli.arguments import add_binding_options, binding_of, is_bundle, require_network_options
from slsc.cli.console import Console, table
from slsc.errors import UsageError
from slsc.runtime.backends import BACKENDS

if TYPE_CHECKING:
    from slsc.jobs.inspect.inspection import LayerReport, NetworkReport
    from slsc.runtime.bundle.engines import Engine
    from slsc.runtime.bundle.manifest import ImageIO, Manifest

DEVICES = ("orin-nano", "a100")
"""Those of `slsc.passes.analysis.roofline`, which is too heavy to import for `--help`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own arguments."""
    parser.add_argument("file", type=Path, metavar="MODEL.onnx|BUNDLE.slsb", help="what to look at")
    parser.add_argument("--m", type=int, default=32, metavar="M", help="group size of a network's N:M (default: 32)")
    parser.add_argument(
        "--device", choices=DEVICES, default=DEVICES[0], help="GPU that bounds are computed for (default: %(default)s)"
    )
    parser.add_argument(
        "--require-2to4",
        action="store_true",
        help="exit with 3 unless all prunable layers that keep at most half are eligible, and there are some",
    )
    add_binding_options(parser)


def run(args: argparse.Namespace, console: Console) -> int:
    """Run the verb."""
    if not 1 <= args.m <= 256:
        raise UsageError(f"--m {args.m} is outside 1..256")
    if is_bundle(args.file):
        require_network_options(args, args.file)
        reports = _inspect_bundle(args.file, args.device, console)
    else:
        from slsc.jobs.inspect.inspection import inspect_network
        from slsc.networks.loading import import_network, import_notes
        from slsc.passes.analysis.roofline import DEVICES

        imported = import_network(args.file, binding_of(args))
        report = inspect_network(imported.model, args.m, DEVICES[args.device])
        notes = (*binding_of(args).options(), *import_notes(imported.report))
        for note in notes:
            console.report(f"network: {note}")
        console.report(show_network(report))
        console.result(network=report.to_dict(), notes=notes)
        reports = {args.file.name: report}
    if args.require_2to4:
        from slsc.jobs.inspect.inspection import require_2to4

        for where, report in reports.items():
            require_2to4(report, where)
    return 0


def _inspect_bundle(path: Path, device: str, console: Console) -> dict[str, NetworkReport]:
    from slsc.jobs.inspect.inspection import inspect_engine
    from slsc.passes.analysis.roofline import DEVICES
    from slsc.runtime.bundle.reader import open_bundle

    bundle = open_bundle(path)
    console.report(show_manifest(bundle.manifest))
    reports: dict[str, NetworkReport] = {}
    for engine in bundle.manifest.engines:
        report = reports[engine.name] = inspect_engine(bundle.read(engine.onnx), engine, DEVICES[device])
        console.report(f"\nengine {engine.name}\n{show_network(report)}")
    engines: dict[str, Any] = {name: report.to_dict() for name, report in reports.items()}
    console.result(manifest=bundle.manifest.to_dict(), engines=engines)
    return {f"engine {name}": report for name, report in reports.items()}


def show_manifest(manifest: Manifest) -> str:
    """A bundle's source, interface, tile geometry and engines, as text."""
    io, tile = manifest.io, manifest.tile
    size = "{1}x{0} only".format(*io.fixed_hw) if io.fixed_hw else "any"
    field = "unbounded" if tile.receptive_field is None else f"{tile.receptive_field} px"
    header = ("engine", "share", "kept params", "kMACs/px", "bytes/px", "measured")
    rows = [
        (
            engine.name,
            f"{engine.kept_share:.4f}",
            f"{engine.kept_weights:,} of {engine.params:,}",
            f"{engine.macs_per_pixel / 1e3:.1f}",
            f"{engine.bytes_per_pixel:.0f}",
            ", ".join(f"{name} {value:.2f}" for name, value in engine.quality.items()),
        )
        for engine in manifest.engines
    ]
    return "\n".join(
        (
            f"compiled from {manifest.source.name} by slsc {manifest.slsc_version}, schema {manifest.schema}",
            *(f"network: {note}" for note in (*manifest.source.options, *manifest.source.notes)),
            f"{io.task} x{io.scale}, {io.channels} channels {io.order}, {_ranges(io)}, input size {size}",
            f"tiles: halo {tile.halo} px, off by {255 * tile.bound:.2f} of 255 at most, receptive field {field}, "
            f"aligned to {tile.align} px, {'exact' if tile.exact else f'not exact: {tile.exact_reason}'}",
            "",
            table(header, rows, "<>>>><"),
            *(f"{engine.name}: {line}" for engine in manifest.engines for line in _artefacts(engine)),
        )
    )


def _ranges(io: ImageIO) -> str:
    if io.input_range == io.output_range:
        return f"black to white {io.input_range}"
    return f"black to white {io.input_range} in, {io.output_range} out"


def _artefacts(engine: Engine) -> Iterator[str]:
    """Where an engine runs, what it holds besides, and where it does not run."""
    yield f"runs on {', '.join(name for name, backend in BACKENDS.items() if backend(0).accepts(engine) is None)}"
    known = {backend.kind for backend in BACKENDS.values()}
    if others := sorted(engine.artefacts.keys() - known):
        yield f"holds {', '.join(others)}, which this slsc does not run"
    for kind, why in engine.refusals.items():
        yield f"not as {kind}: {why}"


def show_network(report: NetworkReport) -> str:
    """The per-layer table and the totals, as text."""
    header = (
        "weight",
        "node",
        "shape",
        "groups",
        f"N:{report.m}",
        "MMACs",
        "kept",
        "prunable",
        "padded",
        "bound",
        "at best",
        "2:4",
        "why not 2:4",
    )
    rows = [_row(layer, report.m) for layer in report.layers]
    return "\n".join((table(header, rows, "<<<>>>><><><<"), "", *_totals(report)))


def _row(report: LayerReport, m: int) -> tuple[object, ...]:
    layer = report.layer
    return (
        layer.name + (f" (used {layer.uses} times)" if layer.uses > 1 else ""),
        layer.node,
        "x".join(map(str, layer.shape)),
        layer.groups,
        {None: "-", m: "dense"}.get(report.n, report.n),
        f"{report.macs / 1e6:.1f}",
        f"{100 * report.nonzeros / max(report.weights, 1):.1f} %",
        "yes" if layer.prunable else "no",
        f"{report.pad_cost:.2f}x",
        report.bound.by,
        f"{report.bound.at_best:.2f}x",
        "eligible" if report.verdict.eligible else f"dense: {report.verdict.reason}",
        report.verdict.detail,
    )


def _totals(report: NetworkReport) -> list[str]:
    height, width = report.output_hw
    eligible = sum(layer.verdict.eligible for layer in report.layers)
    device = report.device
    lines = [
        f"{len(report.layers)} layers, {sum(layer.layer.prunable for layer in report.layers)} prunable, "
        f"{eligible} eligible for 2:4",
        f"bound: roofline of {device.title}, {device.dense / 1e12:g} TFLOP/s dense and {device.sparse / 1e12:g} 2:4 in "
        f"fp16, {device.bandwidth / 1e9:g} GB/s, every layer by itself; at best: most that 2:4 could gain there",
        f"{report.kept_params:,} of {report.params:,} parameters are not zero",
        f"{report.kept_macs / 1e9:.3f} of {report.macs / 1e9:.3f} GMACs have a non-zero weight, at {width}x{height}",
    ]
    refusals = [
        f"not prunable: {layer.layer.name}: {layer.layer.reason}" for layer in report.layers if layer.layer.reason
    ]
    return lines + refusals
