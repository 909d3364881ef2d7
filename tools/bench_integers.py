"""The native engine in integers and in bfloat16, beside itself and ONNX Runtime in float32, and OpenVINO, in turn.

Networks come from the zoo with random weights, pruned to one N:32. For int8 the convolutions inside get int8 weights
and 8-bit inputs without any correction; for bf16 all that can compute in it does. Every round runs each engine once in
one thread, and counts the processor's time, not the clock's: what else the machine does then hardly matters. Each
engine's least is taken. OpenVINO gets the same networks, which cost it as much as dense ones, where it is installed.

    python -m slsc.tools.bench_integers [--networks a,b] [--budgets 1/4,1/8] [--precisions int8,bf16]
        [--size 180x320] [--repeats 8]
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch

from slsc.cli.arguments import image_hw
from slsc.errors import SlscError, UsageError
from slsc.metrics.psnr import psnr_to
from slsc.onnx_torch import OnnxModule
from slsc.passes.base import PassContext
from slsc.passes.lowering import lower
from slsc.passes.pipeline import Pipeline
from slsc.passes.precision.half import WriteHalf
from slsc.passes.precision.int8 import WriteInt8
from slsc.passes.precision.types import BF16
from slsc.plan import parse_budget
from slsc.quantize.layers import quantizable
from slsc.quantize.naive import quantize_naively
from slsc.runtime.backends import load_backend
from slsc.runtime.backends.native import NativeRunner
from slsc.runtime.backends.native_calls import Precision
from slsc.tools.bench_networks import subjects
from slsc.tools.bench_report import table
from slsc.tools.contenders.base import Subject, processor_seconds

NETWORKS = "edsr_baseline_x4,carn_x4,rfdn64_x4,rfdn_x4"
CALIBRATION = 64
"""Side of the patches whose least and greatest values the integers cover."""

PRECISIONS = "int8,bf16"

OURS = "native"
"""The native engine in the precision of a row."""

Image = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Measurement:
    """One network in one precision.

    Attributes:
        network, budget, precision: which.
        gmacs: kept weight multiply-accumulates of the image, / 10^9.
        seconds: of the processor for the image, least of all rounds, by engine.
        decibels: PSNR of the engine in the precision to ONNX Runtime in float32, of the output's range.
    """

    network: str
    budget: Fraction
    precision: str
    gmacs: float
    seconds: Mapping[str, float]
    decibels: float


def typed(model: onnx.ModelProto, image: Image, precision: str) -> onnx.ModelProto:
    """A float32 network in bf16, or with integers inside, naively calibrated on two patches of a (1, C, H, W) image."""
    if precision == BF16.name:
        return Pipeline([WriteHalf(BF16)]).run(model, PassContext()).model
    module = OnnxModule(model)
    patches = [image[:, :, :CALIBRATION, :CALIBRATION], image[:, :, -CALIBRATION:, -CALIBRATION:]]
    inputs = torch.from_numpy(np.concatenate(patches))
    types = quantize_naively(module, inputs, quantizable(module, model), signed=False)
    return Pipeline([WriteInt8(types)]).run(model, PassContext()).model


def measure(subject: Subject, image: Image, repeats: int, precisions: Sequence[str]) -> list[Measurement]:
    """Run all engines on one network, in turn, `repeats` times after a first; a row for each precision."""
    model = onnx.load(subject.file)
    networks = {precision: typed(model, image, precision) for precision in precisions}
    runs: dict[str, Callable[[Image], Image]] = {
        "ONNX Runtime": load_backend("onnxruntime", 1).load(model.SerializeToString()).run,
        "float32": _native(model, subject),
        **{name: _native(network, subject) for name, network in networks.items()},
        **_openvino(subject.file, networks.get("int8"), (image.shape[2], image.shape[3])),
    }
    made = {name: run(image) for name, run in runs.items()}
    seconds = {name: [processor_seconds(run, image)] for name, run in runs.items()}
    for _ in range(repeats - 1):
        for name, run in runs.items():
            seconds[name].append(processor_seconds(run, image))
    least = {name: min(all_rounds) for name, all_rounds in seconds.items()}
    others = {name: value for name, value in least.items() if name not in networks}
    return [
        Measurement(
            *(subject.network, subject.budget, precision, subject.gmacs, {OURS: least[precision], **others}),
            decibels=psnr_to(made["ONNX Runtime"], made[precision]),
        )
        for precision in networks
    ]


def _native(network: onnx.ModelProto, subject: Subject) -> Callable[[Image], Image]:
    """The engine as `slsc run` runs it."""
    runner = NativeRunner(lower(network, subject.plan), 1)
    runner.set_precision(Precision.FASTEST)
    return runner.run


def _openvino(file: Path, integers: onnx.ModelProto | None, hw: tuple[int, int]) -> dict[str, Callable[[Image], Image]]:
    """A network's float32 file, and its form with integers if any, in OpenVINO; nothing where that is not installed."""
    if importlib.util.find_spec("openvino") is None:
        return {}
    from slsc.tools.contenders import open_vino

    runs = {f"OpenVINO {each}": open_vino.load(file, hw, 1, each) for each in open_vino.precisions()}
    if integers is None:
        return runs
    whole = file.with_suffix(".int8.onnx")
    onnx.save(integers, whole)
    return {**runs, "OpenVINO int8": open_vino.load(whole, hw, 1, "f32")}


def markdown(measurements: Sequence[Measurement]) -> str:
    """A table of milliseconds and ratios."""
    engines = list(measurements[0].seconds)
    others = [name for name in engines if name != OURS]
    titles = (
        "network",
        "budget",
        "precision",
        "GMAC",
        *(f"{name} ms" for name in engines),
        *(f"x {name}" for name in others),
        "dB",
    )
    return table(titles, [_row(each) for each in measurements])


def _row(each: Measurement) -> tuple[str, ...]:
    times = (f"{1000 * value:.0f}" for value in each.seconds.values())
    ratios = (f"{value / each.seconds[OURS]:.1f}" for name, value in each.seconds.items() if name != OURS)
    return (
        each.network,
        str(each.budget),
        each.precision,
        f"{each.gmacs:.1f}",
        *times,
        *ratios,
        f"{each.decibels:.1f}",
    )


def _all(
    networks: Sequence[str], budgets: Sequence[Fraction], hw: tuple[int, int], repeats: int, precisions: Sequence[str]
) -> Iterator[Measurement]:
    image = np.random.default_rng(0).random((1, 3, *hw), np.float32)
    for network in networks:
        with tempfile.TemporaryDirectory() as folder:
            dense, *pruned = subjects(network, budgets, Path(folder), hw)
            for subject in pruned or [dense]:
                yield from measure(subject, image, repeats, precisions)


def _precisions(text: str) -> list[str]:
    known, asked = PRECISIONS.split(","), text.split(",")
    for precision in asked:
        if precision not in known:
            raise UsageError(f"no precision {precision!r}", hint=f"use one of {', '.join(known)}")
    return asked


def main(argv: Sequence[str] | None = None) -> int:
    """Parse arguments, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default=NETWORKS, metavar="A,B", help="of the zoo (default: %(default)s)")
    parser.add_argument(
        "--budgets", default="1/4,1/8", metavar="B,C", help="kept share of the MACs (default: %(default)s)"
    )
    parser.add_argument("--precisions", default=PRECISIONS, metavar="P,Q", help="int8, bf16 (default: %(default)s)")
    parser.add_argument("--size", default="180x320", metavar="HxW", help="of the image (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=8, metavar="N", help="rounds (default: %(default)s)")
    args = parser.parse_args(argv)
    try:
        torch.set_num_threads(1)
        budgets = [parse_budget(text) for text in args.budgets.split(",")]
        hw, repeats, precisions = image_hw(args.size), max(1, args.repeats), _precisions(args.precisions)
        print(markdown(list(_all(args.networks.split(","), budgets, hw, repeats, precisions))))
    except SlscError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
