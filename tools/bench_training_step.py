"""Time and memory of a training step by method, as a Markdown table.

    python -m slsc.tools.bench_training_step rfdn_x4,edsr_baseline_x4 [--batch 8] [--patch 32] [--rounds 15]

A step is what `slsc.trainer.loop` does: forward, L1 and penalty, backward, Adam, the recipe's part before and after;
`sls` is searching, with all its gates in motion. Steps of the methods are taken in turn, so that whatever else the
machine does falls on all of them; times are medians over the rounds, ratios medians of the rounds' ratios. Memory is
what the peak resident set rises by over some steps, in a process of its own for each figure, as Linux tells it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import onnx
import torch

from slsc.onnx_torch import OnnxModule
from slsc.search.base import Rules, SearchNetwork
from slsc.search.method import SparseTask
from slsc.search.sls.settings import FAST
from slsc.search.sparse_methods import SPARSE_METHODS
from slsc.trainer.objective import Objective
from slsc.trainer.recipe import DenseRecipe, Recipe
from slsc.zoo import zoo_model
from slsc.zoo.export import to_onnx

DENSE = "dense"
METHODS = (DENSE, "sls", "sr-ste")
BUDGET, RULES = Fraction(1, 8), Rules(32)
MEMORY_STEPS, WARMUP_STEPS = 3, 2
MIB = 1 << 20


@dataclass(frozen=True)
class Row:
    """One method on one network: seconds and bytes of a step, and both over the dense step's."""

    network: str
    method: str
    seconds: float
    slower: float
    peak_bytes: int
    larger: float


def make_step(name: str, method: str, batch: int, patch: int) -> Callable[[int], None]:
    """A network of the zoo with random weights, ready to be trained: a function that takes one step of that number."""
    entry = zoo_model(name)
    torch.manual_seed(0)
    model = to_onnx(entry.build())
    recipe = _recipe(model, method, patch)
    objective = Objective(recipe, entry.white)
    adam = torch.optim.Adam(recipe.module.parameters(), lr=1e-5)
    x = torch.rand(batch, 3, patch, patch) * entry.white
    target = torch.rand(batch, 3, patch * entry.scale, patch * entry.scale) * entry.white

    def step(number: int) -> None:
        recipe.begin_step(number, 0.0)
        loss, _ = objective(x, target)
        adam.zero_grad()
        loss.backward()
        adam.step()
        recipe.end_step(number)

    return step


def measure(name: str, batch: int, patch: int, rounds: int) -> list[Row]:
    """All methods on one network."""
    steps = {method: make_step(name, method, batch, patch) for method in METHODS}
    seconds: dict[str, list[float]] = {method: [] for method in METHODS}
    for number in range(WARMUP_STEPS + rounds):
        for method, step in steps.items():
            begun = time.perf_counter()
            step(number)
            seconds[method].append(time.perf_counter() - begun)
    taken = {method: values[WARMUP_STEPS:] for method, values in seconds.items()}
    peaks = {method: _in_own_process(name, method, batch, patch) for method in METHODS}
    return [
        Row(
            name,
            method,
            statistics.median(taken[method]),
            statistics.median(a / b for a, b in zip(taken[method], taken[DENSE], strict=True)),
            peaks[method],
            peaks[method] / peaks[DENSE],
        )
        for method in METHODS
    ]


def peak_rise(name: str, method: str, batch: int, patch: int, threads: int) -> int:
    """Bytes by which some steps raise this process' peak resident set, network and optimizer included."""
    torch.set_num_threads(threads)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew at what is resident now, proc(5)
    before = _peak()
    step = make_step(name, method, batch, patch)
    for number in range(MEMORY_STEPS):
        step(number)
    return _peak() - before


def _peak() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def markdown(rows: Sequence[Row]) -> str:
    """The table."""
    lines = [
        "| network | method | s per step | over dense | MiB | over dense |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {row.network} | {row.method} | {row.seconds:.3f} | {row.slower:.2f} | {row.peak_bytes / MIB:.0f} "
        f"| {row.larger:.2f} |"
        for row in rows
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", help="names in the zoo, comma-separated")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--patch", type=int, default=32, help="side of the input patches (default 32)")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(arguments)
    torch.set_num_threads(args.threads)
    rows = [row for name in args.networks.split(",") for row in measure(name, args.batch, args.patch, args.rounds)]
    print(markdown(rows))
    return 0


def _recipe(model: onnx.ModelProto, method: str, patch: int) -> Recipe:
    module = OnnxModule(model)
    if method == DENSE:
        return DenseRecipe(module)
    network = SearchNetwork.of(model)
    return SPARSE_METHODS[method].recipe(SparseTask(network, BUDGET, RULES, patch**2, FAST, 1.0), module, None)


def _in_own_process(name: str, method: str, batch: int, patch: int) -> int:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(peak_rise, name, method, batch, patch, torch.get_num_threads()).result()


if __name__ == "__main__":
    sys.exit(main())
