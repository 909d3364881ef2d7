"""Build a bundle's engines for NVIDIA GPUs, with TensorRT on the device or with TensorRT-RTX ahead of time.

Engines are kept in a folder, from where `slsc run --backend` takes them: that of $SLSC_ENGINE_CACHE, else the user's
folder for caches. An engine runs on what it was built for and nowhere else; where there is none that fits, `slsc run`
builds it. Precisions are those of the bundle's ONNX files.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slsc.cli.arguments import image_hw
from slsc.cli.console import Console, table
from slsc.errors import UsageError

if TYPE_CHECKING:
    from slsc.jobs.build.building import Built

BACKENDS = ("tensorrt", "tensorrt-rtx")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own arguments."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE.slsb", help="what to build")
    parser.add_argument("--backend", choices=BACKENDS, required=True, help="the library to build with")
    parser.add_argument(
        "--arch",
        type=_archs,
        default=(),
        metavar="SM,SM",
        help="GPUs that are not here, such as sm80,sm86,sm89; tensorrt-rtx only (default: the one that is)",
    )
    parser.add_argument("--engine", metavar="NAME", help="engine of the bundle (default: each)")
    parser.add_argument("--size", type=image_hw, metavar="HxW", help="input size to be fastest at (default: 256x256)")
    parser.add_argument("--most", type=image_hw, metavar="HxW", help="largest input (default: 512x512)")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="folder for the engines")


def run(args: argparse.Namespace, console: Console) -> int:
    """Run the verb."""
    from slsc.jobs.build.building import FLAVOURS, BuildRequest, build_engines
    from slsc.runtime.backends.tensorrt.engine_cache import FOLDER_VARIABLE, default_folder

    folder = args.output or default_folder()
    request = BuildRequest(args.bundle, FLAVOURS[args.backend], args.arch, args.engine, _shapes(args), folder)
    with console.progress(None, "build", "engine") as bar:

        def advance(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        built = build_engines(request, advance)
    console.report(_table(built))
    for one in built:
        if dropped := one.result.log.dropped:
            console.note(f"{one.path.name}: {len(dropped)} tactics were dropped for lack of memory: {dropped[0]}")
        console.artefact(one.path)
    if args.output:
        console.note(f"to run them there: {FOLDER_VARIABLE}={args.output} slsc run --backend {args.backend} ...")
    console.result(engines=[_as_json(one) for one in built])
    return 0


def _archs(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _shapes(args: argparse.Namespace) -> Any:
    from slsc.runtime.backends.tensorrt.build import Shapes

    best, most = args.size or Shapes.best, args.most or Shapes.most
    if any(low > high for low, high in zip(best, most, strict=True)):
        if args.most:
            raise UsageError("--size is larger than --most", hint="--most is the largest input that will be run")
        most = best
    least = tuple(min(pair) for pair in zip(Shapes.least, best, strict=True))
    return Shapes((least[0], least[1]), best, most)


def _table(built: list[Built]) -> str:
    rows = [
        (
            one.engine,
            one.device,
            f"{len(one.result.data) / 1e6:.2f}",
            f"{one.result.seconds:.1f}",
            ", ".join(f"{count} {kind}" for kind, count in sorted(one.result.types().items())),
            _sparse(one),
        )
        for one in built
    ]
    return table(("engine", "for", "MB", "s", "convolutions", "sparse"), rows, "<<>><<")


def _sparse(one: Built) -> str:
    log = one.result.log
    if log.found is None and log.chosen is None:
        return "decided on the device"
    found = "?" if log.found is None else log.found.count
    return f"{log.chosen.count if log.chosen else 0} chosen of {found} eligible"


def _as_json(one: Built) -> dict[str, Any]:
    log = one.result.log
    return {
        "engine": one.engine,
        "device": one.device,
        "path": str(one.path),
        "bytes": len(one.result.data),
        "seconds": round(one.result.seconds, 3),
        "layers": len(one.result.layers),
        "convolution_types": dict(one.result.types()),
        "sparse_found": log.found and log.found.count,
        "sparse_chosen": log.chosen and log.chosen.count,
        "dropped": list(log.dropped),
    }
