"""The native engine in integers beside itself and ONNX Runtime in float32, and OpenVINO: one thread, in turn.

Networks come from the zoo with random weights, pruned to one N:32; the convolutions inside get int8 weights and 8-bit
inputs without any correction. Every round runs each engine once, and counts the processor's time, not the clock's:
what else the machine does then hardly matters. Each engine's least is taken. OpenVINO gets the same networks, which
cost it as much as dense ones, where it is installed.

    python -m slsc.tools.bench_integers [--networks a,b] [--budgets 1/4,1/8] [--size 180x320] [--repeats 8]
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch

from slsc.cli.arguments import image_hw
from slsc.errors import SlscError
from slsc.metrics.psnr import psnr_to
from slsc.onnx_torch import OnnxModule
from slsc.passes.base import PassContext
from slsc.passes.lowering import lower
from slsc.passes.pipeline import Pipeline
from slsc.passes.precision.int8 import WriteInt8
from slsc.plan import parse_budget
from slsc.quantize.layers import quantizable
from slsc.quantize.naive import quantize_naively
from slsc.runtime.backends import load_backend
from slsc.runtime.backends.native import NativeRunner
from slsc.tools.bench_networks import subjects
from slsc.tools.bench_report import table
from slsc.tools.contenders.base import Subject

NETWORKS = "edsr_baseline_x4,carn_x4,rfdn64_x4,rfdn_x4"
CALIBRATION = 64
"""Side of the patches whose least and greatest values the integers cover."""

OURS = "int8"
"""The native engine in integers."""

Image = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Measurement:
    """One network.

    Attributes:
        network, budget: which.
        gmacs: kept weight multiply-accumulates of the image, / 10^9.
        seconds: of the processor for the image, least of all rounds, by engine.
        decibels: PSNR of the engine in integers to ONNX Runtime in float32, of the output's range.
    """

    network: str
    budget: Fraction
    gmacs: float
    seconds: Mapping[str, float]
    decibels: float


def typed(model: onnx.ModelProto, image: Image) -> onnx.ModelProto:
    """A float32 network with integers inside, naively calibrated on two patches of a (1, C, H, W) image."""
    module = OnnxModule(model)
    patches = [image[:, :, :CALIBRATION, :CALIBRATION], image[:, :, -CALIBRATION:, -CALIBRATION:]]
    inputs = torch.from_numpy(np.concatenate(patches))
    types = quantize_naively(module, inputs, quantizable(module, model), signed=False)
    return Pipeline([WriteInt8(types)]).run(model, PassContext()).model


def measure(subject: Subject, image: Image, repeats: int) -> Measurement:
    """Run all engines on one network, in turn, `repeats` times after a first."""
    model = onnx.load(subject.file)
    integers = typed(model, image)
    runs: dict[str, Callable[[Image], Image]] = {
        "ONNX Runtime": load_backend("onnxruntime", 1).load(model.SerializeToString()).run,
        "float32": NativeRunner(lower(model, subject.plan), 1).run,
        "int8": NativeRunner(lower(integers, subject.plan), 1).run,
        **_openvino(subject.file, integers, (image.shape[2], image.shape[3])),
    }
    made = {name: run(image) for name, run in runs.items()}
    seconds = {name: [_processor_seconds(run, image)] for name, run in runs.items()}
    for _ in range(repeats - 1):
        for name, run in runs.items():
            seconds[name].append(_processor_seconds(run, image))
    least = {name: min(all_rounds) for name, all_rounds in seconds.items()}
    decibels = psnr_to(made["ONNX Runtime"], made["int8"])
    return Measurement(subject.network, subject.budget, subject.gmacs, least, decibels)


def _openvino(file: Path, integers: onnx.ModelProto, hw: tuple[int, int]) -> dict[str, Callable[[Image], Image]]:
    """A network's float32 file and its form with integers in OpenVINO; nothing where that is not installed."""
    if importlib.util.find_spec("openvino") is None:
        return {}
    from slsc.tools.contenders import open_vino

    whole = file.with_suffix(".int8.onnx")
    onnx.save(integers, whole)
    runs = {f"OpenVINO {each}": open_vino.load(file, hw, 1, each) for each in open_vino.precisions()}
    return {**runs, "OpenVINO int8": open_vino.load(whole, hw, 1, "f32")}


def markdown(measurements: Sequence[Measurement]) -> str:
    """A table of milliseconds and ratios."""
    engines = list(measurements[0].seconds)
    others = [name for name in engines if name != OURS]
    titles = ("network", "budget", "GMAC", *(f"{name} ms" for name in engines), *(f"x {name}" for name in others), "dB")
    return table(titles, [_row(each) for each in measurements])


def _row(each: Measurement) -> tuple[str, ...]:
    times = (f"{1000 * value:.0f}" for value in each.seconds.values())
    ratios = (f"{value / each.seconds[OURS]:.1f}" for name, value in each.seconds.items() if name != OURS)
    return (each.network, str(each.budget), f"{each.gmacs:.1f}", *times, *ratios, f"{each.decibels:.1f}")


def _processor_seconds(run: Callable[[Image], Image], image: Image) -> float:
    begun = time.process_time()
    run(image)
    return time.process_time() - begun


def _all(
    networks: Sequence[str], budgets: Sequence[Fraction], hw: tuple[int, int], repeats: int
) -> Iterator[Measurement]:
    image = np.random.default_rng(0).random((1, 3, *hw), np.float32)
    for network in networks:
        with tempfile.TemporaryDirectory() as folder:
            dense, *pruned = subjects(network, budgets, Path(folder), hw)
            for subject in pruned or [dense]:
                yield measure(subject, image, repeats)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse arguments, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default=NETWORKS, metavar="A,B", help="of the zoo (default: %(default)s)")
    parser.add_argument(
        "--budgets", default="1/4,1/8", metavar="B,C", help="kept share of the MACs (default: %(default)s)"
    )
    parser.add_argument("--size", default="180x320", metavar="HxW", help="of the image (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=8, metavar="N", help="rounds (default: %(default)s)")
    args = parser.parse_args(argv)
    try:
        torch.set_num_threads(1)
        budgets = [parse_budget(text) for text in args.budgets.split(",")]
        print(markdown(list(_all(args.networks.split(","), budgets, image_hw(args.size), max(1, args.repeats)))))
    except SlscError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
