"""Typed networks by ONNX Runtime, as their files say, and by the native engine as planned: PSNR on reference images.

Networks are typed ONNX files, or bundles, of which every engine is taken. Files are measured as by `slsc eval`, which
takes numbers of bfloat16 for float32; here they are rounded.

    python -m slsc.tools.integers_quality rfdn_x4.slsb --hr SETS/Set14 [--threads N]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import onnx

from slsc.cli.arguments import is_bundle
from slsc.errors import SlscError
from slsc.jobs.eval.evaluation import evaluate, mean_score
from slsc.networks.restorer import Restorer, WholeImage, open_restorer
from slsc.passes.lowering import lower
from slsc.passes.precision.emulate import convolutions_in, emulated
from slsc.passes.precision.types import BF16
from slsc.runtime.backends.base import Runner
from slsc.runtime.backends.native import NativeRunner, Precision
from slsc.runtime.backends.onnxruntime import OnnxRuntimeRunner
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.reader import open_bundle
from slsc.tools.bench_report import table


@dataclass(frozen=True)
class Quality:
    """PSNR in dB of one network, means over images.

    Attributes:
        network: its name.
        typed: of its file in ONNX Runtime, every rounding where the file has it.
        planned: of the native engine in the integers or bfloat16 that the plan has.
        floats: of the native engine in float32, with weights as they are stored.
    """

    network: str
    typed: float
    planned: float
    floats: float


class _Running(WholeImage):
    """A network of a known interface in a runner."""

    def __init__(self, runner: Runner, io: ImageIO) -> None:
        self.io, self.doubts, self._runner = io, (), runner


def _native(plan: bytes, precision: Precision, threads: int) -> NativeRunner:
    """A plan in the native engine."""
    runner = NativeRunner(plan, threads)
    runner.set_precision(precision)
    return runner


def measure(network: str, file: Path, references: Path, threads: int = 1) -> Quality:
    """One typed ONNX file, of free size, on the images of a folder."""
    model, typed = onnx.load(file), open_restorer(file, threads=threads)
    plan, io = lower(model, None), typed.io
    native = [_Running(_native(plan, each, threads), io) for each in (Precision.AS_PLANNED, Precision.FLOAT32)]
    if convolutions_in(BF16, model):
        typed.close()
        typed = _Running(OnnxRuntimeRunner(emulated(model).SerializeToString(), threads), io)
    return Quality(network, *(mean_psnr(restorer, references) for restorer in (typed, *native)))


def mean_psnr(restorer: Restorer, references: Path) -> float:
    """dB, a mean over the images of a folder; closes the restorer."""
    with closing(restorer):
        return mean_score(evaluate(restorer, references, None, lpips=False, progress=lambda *_: None)).psnr


def markdown(found: Sequence[Quality]) -> str:
    """A table."""
    titles = ("network", "typed file dB", "native as planned dB", "difference", "native in float32 dB")
    return table(titles, [_row(each) for each in found])


def _row(each: Quality) -> tuple[str, ...]:
    figures = (each.typed, each.planned, each.planned - each.typed, each.floats)
    return (each.network, *(f"{figure:.4f}" for figure in figures))


def _files(paths: Sequence[Path], folder: Path) -> Iterator[tuple[str, Path]]:
    """Names and ONNX files of networks and of bundles' engines."""
    for path in paths:
        if not is_bundle(path):
            yield path.stem, path
            continue
        bundle = open_bundle(path)
        for engine in bundle.manifest.engines:
            file = folder / f"{path.stem}.{engine.name}.onnx"
            file.write_bytes(bundle.read(engine.onnx))
            yield f"{path.stem} {engine.budget}", file


def main(argv: Sequence[str] | None = None) -> int:
    """Parse arguments, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.onnx|BUNDLE")
    parser.add_argument("--hr", type=Path, required=True, metavar="DIR", help="references")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="of each engine (default: %(default)s)")
    args = parser.parse_args(argv)
    try:
        with tempfile.TemporaryDirectory() as folder:
            files = _files(args.models, Path(folder))
            print(markdown([measure(name, file, args.hr, args.threads) for name, file in files]))
    except SlscError as error:
        print(f"integers_quality: error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
