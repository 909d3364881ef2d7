"""Quality over time: engines of bundles beside dense networks in other runtimes, in every precision those have.

Bundles are run by the native engine, as `slsc run` does. ONNX files are run as they are by ONNX Runtime and, where
it is installed, by OpenVINO: in float32, and in bfloat16 where the processor has it; a file with QuantizeLinear nodes,
such as `slsc type --precision int8` makes, in its own integers by OpenVINO. All run an image of one size in turn, each
once a round in one thread, and the processor's time counts, not the clock's; each one's least is taken. PSNR is that of
each one's own output on reference images.

    python -m slsc.tools.quality_over_time NET.slsb... DENSE.onnx... --hr SETS/Set14 -o table.md
        [--size 180x320] [--repeats 8]

Writes table.csv beside it, and table.png where Matplotlib is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx

from slsc.cli.arguments import image_hw, is_bundle
from slsc.errors import BackendError, SlscError, UsageError
from slsc.networks.restorer import Restorer, WholeImage, open_restorer
from slsc.runtime.backends import load_backend
from slsc.runtime.bundle.engines import FLOAT32, Engine
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.reader import open_bundle
from slsc.runtime.session import Session
from slsc.tools.contenders.base import Image, Restore, processor_seconds
from slsc.tools.integers_quality import mean_psnr
from slsc.tools.quality_over_time_page import NATIVE, Point, write_page

INT8 = "int8"


@dataclass(frozen=True)
class Subject:
    """What is measured: `point` still without figures, how to time it, and how to tell its quality."""

    point: Point
    run: Restore
    restorer: Callable[[], Restorer]


class _InOpenVino(WholeImage):
    """A network in OpenVINO, compiled anew for every size of image."""

    def __init__(self, file: Path, io: ImageIO, precision: str) -> None:
        self.io, self.doubts = io, ()
        self._runner = _CompiledBySize(file, precision)


class _CompiledBySize:
    def __init__(self, file: Path, precision: str) -> None:
        self._file, self._precision = file, precision

    def run(self, image: Image) -> Image:
        from slsc.tools.contenders import open_vino

        return open_vino.load(self._file, (image.shape[2], image.shape[3]), 1, self._precision)(image)

    def run_bytes(self, engine: Engine, height: int, width: int) -> int:
        raise BackendError("OpenVINO does not tell what a run takes")

    def close(self) -> None:
        """Nothing outlives a run."""


def of_bundle(path: Path) -> Iterator[Subject]:
    """Every engine of a bundle, natively.

    Raises:
        BackendError: the native engine refuses one.
    """
    for engine in open_bundle(path).manifest.engines:
        session = Session(path, engine=engine.name, backend=NATIVE, threads=1)

        def restorer(name: str = engine.name) -> Restorer:
            return open_restorer(path, engine=name, threads=1, backend=NATIVE)

        yield Subject(Point(path.stem, NATIVE, engine.precision, engine.budget), session.restore_tensor, restorer)


def of_network(path: Path, hw: tuple[int, int]) -> Iterator[Subject]:
    """A dense network in ONNX Runtime and OpenVINO."""
    model = onnx.load(path)
    integers = any(node.op_type == "QuantizeLinear" for node in model.graph.node)
    name = path.stem.removesuffix(f"-{INT8}") if integers else path.stem
    if not integers:
        run = load_backend("onnxruntime", 1).load(path.read_bytes()).run
        yield Subject(Point(name, "ONNX Runtime", FLOAT32, "1"), run, lambda: open_restorer(path, threads=1))
    if importlib.util.find_spec("openvino") is None:
        return
    from slsc.tools.contenders import open_vino

    with closing(open_restorer(path, threads=1)) as restored:
        io = restored.io
    for precision in open_vino.precisions()[: 1 if integers else None]:
        called = INT8 if integers else FLOAT32 if precision == "f32" else precision

        def restorer(precision: str = precision) -> Restorer:
            return _InOpenVino(path, io, precision)

        yield Subject(Point(name, "OpenVINO", called, "1"), open_vino.load(path, hw, 1, precision), restorer)


def measure(subjects: Sequence[Subject], references: Path, hw: tuple[int, int], repeats: int) -> list[Point]:
    """Time all in turn, `repeats` times after a first, and tell the quality of each.

    Args:
        subjects: of one scale and number of channels.
        references: folder of images.
        hw: of the image that is timed.
        repeats: rounds, 1 or more.
    """
    image = np.random.default_rng(0).random((1, 3, *hw), np.float32)
    rounds = [[processor_seconds(subject.run, image) for subject in subjects] for _ in range(repeats + 1)]
    least = np.min(rounds[1:], axis=0)
    return [
        replace(subject.point, milliseconds=1000 * float(seconds), psnr=mean_psnr(subject.restorer(), references))
        for subject, seconds in zip(subjects, least, strict=True)
    ]


def _subjects(paths: Sequence[Path], hw: tuple[int, int]) -> Iterator[Subject]:
    for path in paths:
        yield from of_bundle(path) if is_bundle(path) else of_network(path, hw)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse arguments, measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="+", type=Path, metavar="BUNDLE|DENSE.onnx")
    parser.add_argument("--hr", type=Path, required=True, metavar="DIR", help="references")
    parser.add_argument("--size", default="180x320", metavar="HxW", help="of the image timed (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=8, metavar="N", help="rounds (default: %(default)s)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="TABLE.md")
    args = parser.parse_args(argv)
    try:
        if args.output.suffix != ".md":
            raise UsageError("the output must end in .md", where=str(args.output), hint="-o table.md")
        hw = image_hw(args.size)
        points = measure(list(_subjects(args.networks, hw)), args.hr, hw, max(1, args.repeats))
        print(write_page(args.output, points, args.hr.name, args.size))
    except SlscError as error:
        print(f"quality_over_time: error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
