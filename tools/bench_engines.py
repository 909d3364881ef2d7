"""Speed of inference engines on restoration networks, dense and pruned, interleaved in one run.

Networks come from the zoo with random weights. Each engine runs in a process of its own; its output must agree with
ONNX Runtime's before it is timed. In every round each engine restores the image once, and the core's FMA peak
is measured; so load and clock speed fall on all alike. Engines that are not installed are reported as such. Linux only.

    pip install openvino ncnn pnnx MNN
    python -m slsc.tools.bench_engines [--networks a,b] [--budgets 1/4,1/8] [--contenders a,b] [-o MD] [--csv CSV]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from slsc.cli.arguments import image_hw
from slsc.errors import SlscError, UsageError, VerificationError
from slsc.metrics.psnr import psnr_to
from slsc.plan import parse_budget
from slsc.runtime.backends import load_backend
from slsc.tools.bench_report import Row, markdown, write_csv
from slsc.tools.contenders import CONTENDERS, contender
from slsc.tools.contenders.worker import Job, Worker
from slsc.tools.fma_peak import build_peak, measure_peak

if TYPE_CHECKING:
    from slsc.tools.contenders import Image, Subject

NETWORKS = "edsr_baseline_x4,carn_x4,rfdn64_x4,rfdn_x4"
PAUSE = 0.03
"""Seconds before each run: threads of the engine before it may go on spinning for about as long."""
AGREE_DB = 60.0
"""Below this an engine computes something else. Winograd convolutions in float32 reach about 70, direct ones 120."""


@dataclass(frozen=True)
class Settings:
    """What is common to all measurements: image size, timed runs of each engine, contenders, where files go."""

    hw: tuple[int, int]
    repeats: int
    contenders: tuple[str, ...]
    folder: Path
    peak: Path


@dataclass(frozen=True)
class Entry:
    """A contender with a network in its own form."""

    row: Row
    file: Path
    reference: Image


def measure(
    subjects: Sequence[Subject], threads: Sequence[int], settings: Settings
) -> Iterator[tuple[list[Row], list[float]]]:
    """Measure all contenders on one network's variants.

    Yields, per number of threads, the rows and the FMA peaks in GFLOP/s.
    """
    image = np.random.default_rng(0).random((1, 3, *settings.hw), np.float32)
    entries: list[Entry] = []
    failed: list[Row] = []
    for subject in subjects:
        # Loaded anew per variant and dropped: what the parent holds is no matter, but two cores are.
        reference = load_backend("onnxruntime", 0).load(subject.file.read_bytes()).run(image)
        for name in settings.contenders:
            prepared = _prepare(name, subject, reference, settings)
            if isinstance(prepared, Entry):
                entries.append(prepared)
            elif prepared:
                failed.append(prepared)
    for count in threads:
        rows, peaks = _interleaved([replace(e, row=replace(e.row, threads=count)) for e in entries], image, settings)
        yield rows + [replace(row, threads=count) for row in failed], peaks


def _prepare(name: str, subject: Subject, reference: Image, settings: Settings) -> Entry | Row | None:
    """The contender ready to be started; a row that says why it cannot be; None where it has no business."""
    row = Row(subject.network, subject.budget, name, 0, gmacs=subject.gmacs)
    try:
        found = contender(name)
        if not (found.dense if subject.plan is None else found.pruned):
            return None
        folder = settings.folder / f"{subject.file.stem}-{name}"
        folder.mkdir()
        return Entry(replace(row, version=found.version), found.convert(subject, folder, settings.hw), reference)
    except SlscError as error:
        _say(f"{subject.network} {subject.budget} {name}: {error}")
        return replace(row, failure=str(error))


@dataclass
class _Running:
    """A started contender: its worker, its times so far, and why it was given up, if it was."""

    row: Row
    reference: Image
    worker: Worker
    seconds: list[float] = field(default_factory=list)

    def attempt(self, step: Callable[[], None]) -> None:
        """Take a step unless an earlier one failed; an engine's failure is a result like others, and told."""
        if self.row.failure:
            return
        try:
            step()
        except SlscError as error:
            _say(f"{self.row.network} {self.row.budget} {self.row.contender}: {error}")
            self.row = replace(self.row, failure=str(error))

    def check(self) -> None:
        """Run once, untimed, and compare."""
        agreement = psnr_to(self.reference, self.worker.output())
        self.row = replace(self.row, agreement_db=agreement)
        if not agreement >= AGREE_DB:
            raise VerificationError("it computes something else", why=f"{agreement:.1f} dB to ONNX Runtime")

    def time(self) -> None:
        """Run once, timed."""
        time.sleep(PAUSE)
        self.seconds.append(self.worker.seconds())

    def finish(self) -> None:
        """Settle the row."""
        peak = self.worker.peak_bytes() / 2**20
        self.row = replace(self.row, seconds=tuple(self.seconds), peak_mib=peak)


def _interleaved(entries: Sequence[Entry], image: Image, settings: Settings) -> tuple[list[Row], list[float]]:
    """Start a worker per entry, check what it computes, and time them in turn."""
    running: list[_Running] = []
    peaks = []
    with ExitStack() as stack:
        for entry in entries:
            job = Job(entry.row.contender, entry.file, image, entry.row.threads)
            running.append(_Running(entry.row, entry.reference, stack.enter_context(Worker(job))))
            running[-1].attempt(running[-1].check)
        for _ in range(settings.repeats):
            peaks.append(measure_peak(settings.peak))
            for each in running:
                each.attempt(each.time)
        for each in running:
            each.attempt(each.finish)
    return [each.row for each in running], peaks


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit code: 1 when an engine computes something else."""
    try:
        return _run(sys.argv[1:] if argv is None else list(argv))
    except SlscError as error:
        _say(f"bench_engines: error: {error}")
        return error.exit_code


def _run(words: Sequence[str]) -> int:
    args = _parser().parse_args(words)
    from slsc.tools.bench_networks import subjects

    begun = time.monotonic()
    rows: list[Row] = []
    peaks: list[float] = []
    with tempfile.TemporaryDirectory() as name, _chatter_to_stderr():
        folder = Path(name)
        settings = Settings(args.size, args.repeats, args.contenders, folder, build_peak(folder))
        for network in args.networks:
            for found, measured in measure(subjects(network, args.budgets, folder, args.size), args.threads, settings):
                rows += found
                peaks += measured
                _say(f"{time.monotonic() - begun:5.0f} s  {network}, {found[0].threads} threads: {len(found)} rows")
                # After every step: what has been measured outlives an interruption.
                _write(args, _report(words, args.size, rows, peaks), rows)
    print(_report(words, args.size, rows, peaks))
    return int(any(row.agreement_db is not None and row.failure for row in rows))


def _write(args: argparse.Namespace, text: str, rows: Sequence[Row]) -> None:
    if args.output:
        args.output.write_text(text)
    if args.csv:
        write_csv(args.csv, rows, "x".join(map(str, args.size)))


def _report(words: Sequence[str], hw: tuple[int, int], rows: Sequence[Row], peaks: Sequence[float]) -> str:
    return f"{_preamble(words, hw, peaks)}\n\n{markdown(rows, float(np.median(peaks)))}"


@contextlib.contextmanager
def _chatter_to_stderr() -> Iterator[None]:
    """Keep what engines print to their standard output, here and in their processes, out of the tables."""
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)


def _preamble(words: Sequence[str], hw: tuple[int, int], peaks: Sequence[float]) -> str:
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")),
        platform.processor(),
    )
    return (
        f"`python -m slsc.tools.bench_engines {shlex.join(words)}`\n\n"
        f"{cpu}; input {hw[0]}x{hw[1]}, float32, one image at a time, medians. Float32 FMA peak of one core, "
        f"measured in the same rounds: median {np.median(peaks):.1f} GFLOP/s, {min(peaks):.1f}–{max(peaks):.1f}."
    )


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m slsc.tools.bench_engines",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--networks", type=_names, default=NETWORKS, help=f"of the zoo (default: {NETWORKS})")
    parser.add_argument("--budgets", type=_budgets, default="1/4,1/8,1/16", help="beside dense (default: %(default)s)")
    parser.add_argument("--contenders", type=_contenders, default=",".join(CONTENDERS), help="(default: all)")
    parser.add_argument("--threads", type=_counts, default="1,2", help="numbers of threads (default: %(default)s)")
    parser.add_argument("--size", type=image_hw, default="180x320", help="of the input, HxW (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=7, help="timed runs of each (default: %(default)s)")
    parser.add_argument("-o", "--output", type=Path, metavar="MD", help="also write the tables here")
    parser.add_argument("--csv", type=Path, metavar="CSV", help="write every row here")
    return parser


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _contenders(text: str) -> tuple[str, ...]:
    names = _names(text)
    for name in names:
        if name not in CONTENDERS:
            raise UsageError(f"unknown contender {name!r}", hint=f"use some of {', '.join(CONTENDERS)}")
    return names


def _budgets(text: str) -> tuple[Fraction, ...]:
    return tuple(parse_budget(word) for word in text.split(",") if word)


def _counts(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
