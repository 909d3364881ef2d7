"""Measure the latency of a bundle's engines or of a network, on one backend or several side by side.

All run in turn, round by round, after a warm-up, through Polygraphy's runner interface. A latency is that of one image
from memory to memory, without reading, tiling or writing photos. Each is compared with the first of them, round by
round; what may be chance is called no difference.

With -o the layers of one network are measured instead, at each N that `slsc compile` chooses from: the price list of a
device, for `slsc compile --latency 20ms --device PROFILE.json`.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slsc.cli.arguments import (
    add_binding_options,
    add_provider,
    binding_of,
    each_provider,
    image_hw,
    is_bundle,
    output_path,
    require_network_options,
)
from slsc.cli.console import Console, table
from slsc.errors import UsageError
from slsc.runtime.backends import BACKENDS, Timed, Traceable, able_to

if TYPE_CHECKING:
    from slsc.jobs.profile.jobs import Job
    from slsc.jobs.profile.latency import Timings
    from slsc.jobs.profile.operations import Operation
    from slsc.search.device_profile import DeviceProfile

DEFAULT_HW = (180, 320)
BUSY = 0.2
"""Share of the time without the processor from which on a profile is not to be trusted."""
FIGURES = ("p50_ms", "p90_ms", "p99_ms", "min_ms", "mean_ms")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own arguments."""
    parser.add_argument("file", type=Path, metavar="MODEL.onnx|BUNDLE.slsb", help="what to measure")
    parser.add_argument(
        "--backend",
        type=_backends,
        metavar="A,B",
        help=f"of {', '.join(BACKENDS)} (default: all that can run it)",
    )
    add_provider(parser, "all are measured side by side")
    parser.add_argument("--engine", metavar="NAME", help="engine of the bundle (default: each)")
    parser.add_argument(
        "--size",
        type=image_hw,
        metavar="HxW",
        help=f"height and width of the input (default: {DEFAULT_HW[0]}x{DEFAULT_HW[1]}, or the only one it takes)",
    )
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads (default: all)")
    parser.add_argument("--repeat", type=int, default=20, metavar="N", help="timed runs of each (default: %(default)s)")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="MODEL.onnx",
        help="a network to measure in the same rounds, such as the dense one",
    )
    parser.add_argument("--html", type=Path, metavar="OUT.html", help="also write a page with plots")
    parser.add_argument(
        "--per-op",
        action="store_true",
        help=f"show where the time goes; on {', '.join(able_to(Timed))} in the same runs, on "
        f"{', '.join(able_to(Traceable))} in as many more, by the backend's own profiler",
    )
    parser.add_argument(
        "-o",
        dest="output",
        type=Path,
        metavar="PROFILE.json",
        help="measure what each layer takes by N instead, and write that",
    )
    parser.add_argument("--m", type=int, default=32, metavar="M", help="group size of -o, 2 to 256 (default: 32)")
    add_binding_options(parser)


def run(args: argparse.Namespace, console: Console) -> int:
    """Run the verb."""
    if args.repeat < 1 or args.threads < 0:
        raise UsageError("--repeat takes 1 or more, --threads 0 or more")
    if args.engine and not is_bundle(args.file):
        raise UsageError("--engine names an engine of a bundle", where=str(args.file), hint="leave it out")
    if args.html:
        output_path(args.html, ".html")
    if args.output:
        return _profile_device(args, console)
    from slsc.jobs.profile.jobs import WARM_UP, cores, list_jobs, measure
    from slsc.jobs.profile.targets import binding_in, bundle_targets, image_size, network_target

    if is_bundle(args.file):
        require_network_options(args, args.file)
        targets = bundle_targets(args.file, args.engine)
    else:
        targets = [network_target(args.file, binding_of(args))]
    if args.against:
        bound = binding_in(args.file) if is_bundle(args.file) else binding_of(args)
        targets = [network_target(args.against, bound), *targets]
    threads = args.threads or cores()
    asked = (*(args.backend or ()), *each_provider(args.provider))
    jobs = list_jobs(targets, asked or None, threads, console.note)
    hw = image_size(targets, args.size, DEFAULT_HW)
    with console.progress(WARM_UP + args.repeat, "profile", "round") as bar:

        def advance(done: int) -> None:
            bar.update(done - bar.n)

        timings = measure(jobs, hw, args.repeat, advance)
    results = [_result(job, timing, hw, threads) for job, timing in zip(jobs, timings, strict=True)]
    _compare(results, timings)
    about = f"input {hw[0]}x{hw[1]}, {threads} threads, {args.repeat} runs each, interleaved"
    console.report(f"{about}; milliseconds")
    console.report(_latency_table(results))
    if args.per_op:
        for job, timing, result in zip(jobs, timings, results, strict=True):
            _report_operations(job, timing, hw, result, console)
    console.result(target=str(args.file), results=results)
    if args.html:
        _write_page(args.html, args.file.name, about, results, timings)
        console.artefact(args.html)
    return 0


def _profile_device(args: argparse.Namespace, console: Console) -> int:
    """Measure a network's layers by N, and write the profile."""
    if is_bundle(args.file) or args.against or args.html or args.per_op:
        raise UsageError(
            "-o measures the layers of one ONNX network",
            hint="leave out --against, --html and --per-op, give an ONNX file",
        )
    if not 2 <= args.m <= 256:
        raise UsageError(f"--m {args.m} is outside 2..256", hint="the default, 32, is the paper's")
    output_path(args.output, ".json", args.file)
    able = able_to(Timed)
    (name,) = args.backend if args.backend and len(args.backend) == 1 else able[:1]
    if name not in able or (args.backend and len(args.backend) > 1):
        raise UsageError("-o takes one backend that times operations", hint=f"use --backend {able[0]}")
    from slsc.jobs.profile.jobs import WARM_UP, cores
    from slsc.jobs.profile.layer_times import measure_layers
    from slsc.jobs.profile.targets import image_size, network_target
    from slsc.networks.loading import import_network
    from slsc.runtime.atomic import staged
    from slsc.runtime.backends import load_backend

    binding, threads = binding_of(args), args.threads or cores()
    target = network_target(args.file, binding)
    hw = image_size([target], args.size, DEFAULT_HW)
    backend = load_backend(name, threads)
    model = import_network(args.file, binding).model
    with console.progress(WARM_UP + args.repeat, "profile", "round") as bar:

        def advance(done: int) -> None:
            bar.update(done - bar.n)

        begun, used = time.perf_counter(), time.process_time()
        profile = measure_layers(model, target, backend, threads, hw, args.m, args.repeat, advance)
        waited = 1 - (time.process_time() - used) / (time.perf_counter() - begun)
    if waited > BUSY:
        console.warning(
            f"the machine is busy: {waited:.0%} of the time went to others, which lengthens times of "
            "some layers more than of others; measure again when it is idle"
        )
    with staged(args.output) as (stream, _):
        stream.write(profile.to_json().encode())
    console.report(f"{profile.in_words()}, {args.repeat} runs of each N, interleaved; milliseconds")
    console.report(_layer_table(profile))
    console.result(target=str(args.file), profile=dataclasses.asdict(profile))
    console.artefact(args.output)
    return 0


def _layer_table(profile: DeviceProfile) -> str:
    """What each layer takes at N = 1, at the largest N below M, and dense, with all else and the sums."""
    m = profile.m
    counts = (1, max(n for points in profile.layers.values() for n in points if n < m), m)
    rows = [(name, *(f"{profile.layer_ms(name, n):.3f}" for n in counts)) for name in profile.layers]
    rows.append(("all else", *[f"{profile.rest:.3f}"] * len(counts)))
    sums = (profile.predict(dict.fromkeys(profile.layers, n)) for n in counts)
    rows.append(("all", *(f"{ms:.3f}" for ms in sums)))
    return table(("layer", *(f"{n}:{m}" for n in counts[:-1]), "dense"), rows, "<>>>")


def _compare(results: Sequence[dict[str, Any]], timings: Sequence[Timings]) -> None:
    """Add to each result but the first how it stands beside the first."""
    from slsc.jobs.profile.comparison import compare

    for result, timing in zip(results[1:], timings[1:], strict=True):
        comparison = compare(timing.seconds, timings[0].seconds)
        result["times_as_fast"] = round(comparison.ratio, 3)
        result["compared"] = comparison.in_words()


def _write_page(
    path: Path, title: str, about: str, results: Sequence[dict[str, Any]], timings: Sequence[Timings]
) -> None:
    from slsc.jobs.profile.page import page
    from slsc.runtime.atomic import staged

    runs = [
        {**result, "milliseconds": [1e3 * seconds for seconds in timing.seconds]}
        for result, timing in zip(results, timings, strict=True)
    ]
    with staged(path) as (stream, _):
        stream.write(page(title, about, runs).encode())


def _backends(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in BACKENDS:
            raise UsageError(f"unknown backend {name!r}", hint=f"use some of {', '.join(BACKENDS)}")
    return names


def _result(job: Job, timing: Timings, hw: tuple[int, int], threads: int) -> dict[str, Any]:
    from slsc.jobs.profile.jobs import WARM_UP
    from slsc.jobs.profile.latency import percentiles

    return {
        "engine": job.target.name,
        "backend": job.backend.name,
        "threads": threads,
        "size": f"{hw[0]}x{hw[1]}",
        **percentiles(timing.seconds),
        "runs": len(timing.seconds),
        "warm_up": WARM_UP,
    }


def _latency_table(results: Sequence[dict[str, Any]]) -> str:
    rows = [
        (result["engine"], result["backend"], *(f"{result[name]:.2f}" for name in FIGURES), result.get("compared", "-"))
        for result in results
    ]
    names = (name.removesuffix("_ms") for name in FIGURES)
    return table(("engine", "backend", *names, "beside the first"), rows, "<<" + ">" * len(FIGURES) + "<")


def _report_operations(
    job: Job, timing: Timings, hw: tuple[int, int], result: dict[str, Any], console: Console
) -> None:
    """Print one engine's per-operation table, and add it to its result."""
    from slsc.jobs.profile.jobs import trace
    from slsc.jobs.profile.operations import PER_OPERATION, node_operations

    runs, nodes = result["runs"], trace(job, hw, result["runs"])
    if nodes is None:
        found, of_what = (
            PER_OPERATION[job.backend.kind](job.artefact, timing.op_seconds, timing.op_macs),
            f"{runs} runs",
        )
    else:
        found, of_what = node_operations(nodes), f"{runs} runs under its profiler"
    title = f"engine {job.target.name}, {job.backend.name}, medians of {of_what}"
    console.report(f"\n{title}\n{show_operations(found)}")
    result["per_op"] = [dataclasses.asdict(operation) for operation in found]


def show_operations(found: Sequence[Operation]) -> str:
    """The per-operation table with its totals, as text."""
    rows = [
        (
            str(entry.index),
            entry.what,
            f"{entry.ms:.3f}",
            f"{entry.share:.1%}",
            "-" if entry.gmac is None else f"{entry.gmac:.3f}",
            "-" if entry.gflops is None else f"{entry.gflops:.1f}",
        )
        for entry in found
    ]
    milliseconds, gmac = sum(entry.ms for entry in found), sum(entry.gmac or 0.0 for entry in found)
    rate = 2e3 * gmac / milliseconds if milliseconds else 0.0
    rows.append(("", "all", f"{milliseconds:.3f}", "100.0%", f"{gmac:.3f}", f"{rate:.1f}"))
    return table(("op", "what", "ms", "share", "GMAC", "GFLOP/s"), rows, "><>>>>")
