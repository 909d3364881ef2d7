"""Share of the core's FMA peak that the native engine's 3x3 convolution reaches, by N:M.

One layer of C to C channels with bias, in a plan of its own, one thread. Layers and the peak of the same instruction
set are measured in turn, round by round. Only the operation counts, not bringing the image into the engine's layout.

    python -m slsc.tools.bench_kernel [--isa avx2] [--keep 4,8,32] [--channels 64] [--size 180x320]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slsc.cli.arguments import image_hw
from slsc.errors import SlscError
from slsc.passes.lowering.nmp import ABSENT, Array, DType, Op, PlanFile
from slsc.passes.lowering.nmp_ops import Combine, Conv
from slsc.passes.lowering.packing import pack
from slsc.passes.lowering.steps import Sparsity
from slsc.pattern import rank_groups
from slsc.runtime.backends.native import NativeRunner
from slsc.tools.bench_report import table
from slsc.tools.fma_peak import build_peak, measure_peak

M = 32
KERNEL, PAD = 3, 1


@dataclass(frozen=True)
class Measurement:
    """One layer: N of its N:32, multiply-accumulates, seconds of each run."""

    n: int
    macs: int
    seconds: tuple[float, ...]

    @property
    def gflops(self) -> float:
        """Two operations per multiply-accumulate, in the best run: the peak is one of the best runs too."""
        return 2 * self.macs / min(self.seconds) / 1e9


def one_layer(channels: int, n: int) -> bytes:
    """Plan file of one 3x3 convolution of random weights, `channels` to as many, N:32; n = 32 is dense."""
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((channels, channels, KERNEL, KERNEL)).astype(np.float32)
    bias = rng.standard_normal(channels).astype("<f4")
    positions: tuple[Array, ...] = ()
    if n < M:
        weight, places = pack(weight, Sparsity(n, M, rank_groups(np.abs(weight), M)))
        positions = (Array(places.tobytes(), DType.U8),)
    conv = Conv(
        channels,
        channels,
        *(KERNEL, KERNEL),
        *(1, 1),
        *(PAD, PAD, PAD, PAD),
        *(1, 1),
        groups=1,
        n=n if n < M else 0,
        combine=Combine.NONE,
        shuffle=1,
        weights=0,
        bias=1,
        positions=2 if positions else ABSENT,
    )
    arrays = (Array(weight.astype("<f4").tobytes()), Array(bias.tobytes()), *positions)
    m = M if n < M else 0
    return PlanFile(0, 1, row_align=1, m=m, values=(channels, channels), ops=(Op(conv),), arrays=arrays).to_bytes()


def measure(
    keep: Sequence[int], channels: int, hw: tuple[int, int], repeats: int, isa: str | None
) -> tuple[str, list[Measurement], list[float]]:
    """The instruction set used, a measurement per N of `keep`, and the peak in GFLOP/s round by round.

    Raises:
        BackendError: the native engine, the instruction set or a compiler is missing.
    """
    image = np.random.default_rng(1).standard_normal((1, channels, *hw)).astype(np.float32)
    runners = [NativeRunner(one_layer(channels, n), 1, isa) for n in keep]
    times: list[list[float]] = [[] for _ in keep]
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        program = build_peak(Path(folder), runners[0].isa)
        for runner in runners:
            runner.run(image)
        for _ in range(repeats):
            peaks.append(measure_peak(program))
            for runner, seconds in zip(runners, times, strict=True):
                runner.run(image)
                seconds.append(sum(runner.op_seconds()))
    measurements = [
        Measurement(n, sum(runner.op_macs()), tuple(seconds))
        for n, runner, seconds in zip(keep, runners, times, strict=True)
    ]
    return runners[0].isa, measurements, peaks


def markdown(measurements: Sequence[Measurement], peak: float) -> str:
    """One line per N; `peak` in GFLOP/s."""
    rows = [
        (
            f"{entry.n}:{M}",
            f"{1e3 * float(np.median(entry.seconds)):.3f}",
            f"{1e3 * min(entry.seconds):.3f}",
            f"{entry.gflops:.1f}",
            f"{entry.gflops / peak:.1%}",
            f"{entry.gflops * M / entry.n:.0f}",
        )
        for entry in measurements
    ]
    return table(("kept", "median ms", "best ms", "GFLOP/s", "of peak", "GFLOP/s counting zeros"), rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit code."""
    try:
        args = _parser().parse_args(argv)
        isa, measurements, peaks = measure(args.keep, args.channels, args.size, args.repeats, args.isa)
    except SlscError as error:
        print(f"bench_kernel: error: {error}", file=sys.stderr)
        return error.exit_code
    print(
        f"{KERNEL}x{KERNEL}, {args.channels} to {args.channels} channels, input {args.size[0]}x{args.size[1]}, {isa}, "
        f"1 thread, {args.repeats} runs. FMA peak of the core with {isa}, measured in the same rounds: "
        f"{max(peaks):.1f} GFLOP/s, at worst {min(peaks):.1f}.\n"
    )
    print(markdown(measurements, max(peaks)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m slsc.tools.bench_kernel",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--keep", type=_numbers, default="4,8,32", help=f"N of N:{M} (default: %(default)s)")
    parser.add_argument("--channels", type=int, default=64, help="(default: %(default)s)")
    parser.add_argument("--size", type=image_hw, default="180x320", help="HxW (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=15, help="timed runs of each (default: %(default)s)")
    parser.add_argument("--isa", help="amx, avx512, avx2, neon or portable (default: the best there is)")
    return parser


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
