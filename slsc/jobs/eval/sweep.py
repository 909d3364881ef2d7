"""Quality over cost and over time of a bundle that chooses by region: Fig. 7 and Fig. S2 of the SLS paper."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from slsc.data.degradations import bicubic_pair
from slsc.data.images import open_rgb
from slsc.errors import DataError, UsageError
from slsc.jobs.eval.evaluation import fitted_pair, input_pairs
from slsc.metrics.protocol import Protocol, protocol_for
from slsc.metrics.psnr import luma, psnr
from slsc.progress import StageProgress
from slsc.runtime.adaptive.features import MACS
from slsc.runtime.adaptive.ladder import estimator_of
from slsc.runtime.adaptive.regions import Regions, region_means
from slsc.runtime.adaptive.selection import Table, by_budget
from slsc.runtime.bundle.reader import open_bundle
from slsc.runtime.session import Session

Pixels = npt.NDArray[np.uint8]

BETAS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Of Eq. 8; the paper draws its curves over 0 to 10."""

TIMES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Time budgets, as shares of what the slowest candidate took for the image."""

BETWEEN = 3
"""Budgets swept between the costs of two neighbouring candidates."""

OUTPUT_PIXELS = 1280 * 720
"""What multiply-accumulates are told for, as the paper's tables do."""


@dataclass(frozen=True)
class Point:
    """One way to restore a folder of images; means over them.

    Attributes:
        kind: "fixed", one candidate everywhere; "classes", the classifier's choice; "beta", "budget" or "time", chosen
            by the estimates; "oracle", chosen for a budget by the real errors, and put together from whole images.
        setting: the candidate's name, beta, the budget as a share of the dense network's cost, or the time as a share
            of the slowest candidate's for the same image.
        cost: share of the dense network's, of what was run.
        gmacs: that for an output of 1280x720, estimating included.
        psnr: dB, by the protocol of the network's task.
        milliseconds: of an image: of the processor where one thread runs, which others on the machine change little; by
            the clock where several do. None for the oracle, which nothing can run.
        above_line: dB above the line through the fixed candidates at that cost; None beyond their ends.
    """

    kind: str
    setting: str
    cost: float
    gmacs: float
    psnr: float
    milliseconds: float | None
    above_line: float | None = None


@dataclass(frozen=True)
class Sweep:
    """All points of a bundle on a folder of images."""

    bundle: str
    folder: str
    images: int
    backend: str
    threads: int
    protocol: Protocol
    points: tuple[Point, ...]

    def of(self, kind: str) -> list[Point]:
        """The points of one kind, by ascending cost."""
        return sorted((point for point in self.points if point.kind == kind), key=lambda point: point.cost)


def sweep(
    bundle: Path,
    hr_dir: Path,
    lr_dir: Path | None,
    *,
    backend: str | None,
    threads: int,
    progress: StageProgress,
) -> Sweep:
    """Restore every image with every candidate, over beta, and over budgets.

    Args:
        bundle: with an estimator.
        hr_dir, lr_dir: as in `slsc.jobs.eval.evaluation.evaluate`.
        backend: None for the first that can.
        threads: of it; 0 for one per core.
        progress: told after every image.

    Raises:
        UsageError: the bundle has no estimator.
        DataError: an unusable folder or image.
    """
    record = estimator_of(open_bundle(bundle))
    with ExitStack() as stack:
        clock = time.process_time if threads == 1 else time.perf_counter
        session = stack.enter_context(Session(bundle, backend=backend, threads=threads, clock=clock))
        fixed = {
            name: stack.enter_context(Session(bundle, backend=session.backend, threads=threads, engine=name))
            for name in record.engines
            if session.manifest.engine(name)
        }
        pairs = input_pairs(hr_dir, lr_dir, session.manifest.io.scale, None)
        runs: list[_Image] = []
        for given, reference in pairs:
            runs.append(_Image(session, fixed, *_opened(session, given, reference), clock))
            progress("sweeping", len(runs), len(pairs))
        points = _points(session, runs)
        protocol = protocol_for(session.manifest.io)
        return Sweep(bundle.name, hr_dir.name, len(pairs), session.backend, threads, protocol, points)


def _opened(session: Session, given: Path | None, reference: Path) -> tuple[Pixels, Pixels]:
    io, protocol = session.manifest.io, protocol_for(session.manifest.io)
    wanted = protocol.seen(open_rgb(reference))
    if given is not None:
        return fitted_pair(protocol.seen(open_rgb(given)), wanted, given, io.scale)
    try:
        return bicubic_pair(wanted, io.scale)
    except DataError as error:
        raise DataError(error.what, where=str(reference), why=error.why) from error


@dataclass(frozen=True)
class _Run:
    """Mean squared error, cost and seconds of one way to restore one image."""

    error: float
    cost: float
    seconds: float


class _Image:
    """One image, restored in every way."""

    def __init__(
        self, session: Session, fixed: Mapping[str, Session], low: Pixels, wanted: Pixels, clock: Callable[[], float]
    ) -> None:
        self._session, self._low, self._wanted, self._clock = session, low, wanted, clock
        self._protocol = protocol_for(session.manifest.io)
        session.configure(beta=None, budget=None, time_budget=None)
        choice = session.choose(low)
        self._regions = Regions.of(low, choice.size)
        self.runs: dict[tuple[str, str], _Run] = {}
        costs = {name: session.manifest.cost(name) for name in choice.candidates}
        squares = []
        for index, name in enumerate(choice.candidates):
            whole = np.full(choice.map.shape, index, np.uint8)

            def restore(name: str = name, whole: npt.NDArray[np.uint8] = whole) -> Pixels:
                if name in fixed:
                    return fixed[name].restore(low)  # type: ignore[no-any-return]
                return session.restore(low, map=whole)  # type: ignore[no-any-return]

            restore()  # what is prepared for an image's size is not timed
            squares.append(self._timed(("fixed", name), restore, partial(float, costs[name])))
        session.restore(low)
        for key, beta in self._unbudgeted():
            session.configure(beta=beta, budget=None)
            self._timed(key, lambda: session.restore(low), self._run_cost)
        self._budgets(np.array(list(costs.values())), squares)
        self._times()

    def _unbudgeted(self) -> list[tuple[tuple[str, str], float | None]]:
        """Choices that look at one region after the other: by beta, or by the classifier, which takes none."""
        estimator = self._session.manifest.estimator
        if estimator is not None and estimator.classifies:
            return [(("classes", f"{estimator.budget:g}"), None)]
        return [(("beta", f"{beta:g}"), beta) for beta in BETAS]

    def _run_cost(self) -> float:
        choice = self._session.choice
        assert choice is not None
        return choice.run_cost

    def _budgets(self, costs: npt.NDArray[np.float64], squares: Sequence[npt.NDArray[np.float64]]) -> None:
        """By budget, as estimated and as the oracle would."""
        counted = self._inside(np.ones(self._wanted.shape[:2]))
        pixels = self._sums(counted)
        errors = np.stack([self._sums(self._inside(each)) for each in squares]) / np.maximum(pixels, 1)
        table = Table(errors, costs, self._regions.pixels)
        for budget in budgets_between(costs):
            self._session.configure(beta=None, budget=float(budget))
            setting = f"{budget:.4f}"
            self._timed(("budget", setting), lambda: self._session.restore(self._low), self._run_cost)
            choice = by_budget(table, budget).choice
            found = np.take_along_axis(errors, choice[None].astype(np.intp), 0)[0]
            error = float((found * pixels).sum() / pixels.sum())
            self.runs["oracle", setting] = _Run(error, table.cost(choice), 0.0)

    def _times(self) -> None:
        slowest = max(run.seconds for (kind, _), run in self.runs.items() if kind == "fixed")
        for share in TIMES:
            self._session.configure(budget=None, time_budget=1000 * share * slowest)
            self._session.choose(self._low)  # the first times the candidates
            self._timed(("time", f"{share:g}"), lambda: self._session.restore(self._low), self._run_cost)

    def _timed(
        self, key: tuple[str, str], restore: Callable[[], Pixels], cost: Callable[[], float]
    ) -> npt.NDArray[np.float64]:
        """Restore, remember what it took; returns the squared error of every pixel."""
        begun = self._clock()
        restored = restore()
        seconds = self._clock() - begun
        squares = self._squares(restored)
        counted = self._inside(np.ones(squares.shape)).sum()
        self.runs[key] = _Run(float(self._inside(squares).sum() / counted), cost(), seconds)
        return squares

    def _squares(self, restored: Pixels) -> npt.NDArray[np.float64]:
        if self._protocol.channels == "y":
            return (luma(restored) - luma(self._wanted)) ** 2
        return np.asarray((restored.astype(np.float64) - self._wanted) ** 2).mean(2)  # type: ignore[no-any-return]

    def _inside(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """What counts: 0 at the border that the protocol leaves out."""
        border = self._protocol.border
        kept = np.zeros_like(values)
        inside = (slice(border, values.shape[0] - border), slice(border, values.shape[1] - border))
        kept[inside] = values[inside]
        return kept

    def _sums(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        scale = self._session.manifest.io.scale
        return region_means(values, self._regions, scale) * self._regions.pixels * scale**2


def budgets_between(costs: npt.NDArray[np.float64]) -> list[float]:
    """Budgets from the cheapest candidate's cost to the dearest's, those of all between them included."""
    steps = [np.linspace(low, high, BETWEEN + 1, endpoint=False) for low, high in pairwise(costs)]
    found = np.concatenate([*steps, costs[-1:]])
    return [float(budget) for budget in found if budget > 0]


def _points(session: Session, runs: Sequence[_Image]) -> tuple[Point, ...]:
    io = session.manifest.io
    engine = session.manifest.engines[0]
    dense = engine.macs_per_pixel / session.manifest.cost(engine.name)
    pixels = OUTPUT_PIXELS / io.scale**2
    points = []
    for kind, setting in runs[0].runs:
        found = [run.runs[kind, setting] for run in runs]
        cost = float(np.mean([each.cost for each in found]))
        estimating = 0 if kind in ("fixed", "oracle") else MACS
        quality = float(np.mean([psnr(each.error, 255) for each in found]))
        taken = None if kind == "oracle" else 1000 * float(np.mean([each.seconds for each in found]))
        points.append(Point(kind, setting, cost, (cost * dense + estimating) * pixels / 1e9, quality, taken))
    return tuple(_over_line(points))


def _over_line(points: Sequence[Point]) -> list[Point]:
    """The points with their height above the line through the fixed ones."""
    line = sorted((point.gmacs, point.psnr) for point in points if point.kind == "fixed")
    at, height = np.array(line).T
    return [
        Point(
            **{
                **point.__dict__,
                "above_line": float(point.psnr - np.interp(point.gmacs, at, height))
                if at[0] <= point.gmacs <= at[-1]
                else None,
            }
        )
        for point in points
    ]


def require_sweepable(noise: float | None, engine: str | None, lpips: bool, suffix: str) -> None:
    """Refuse what does not go with a sweep.

    Raises:
        UsageError: see above.
    """
    for given, option in ((noise is not None, "--noise"), (engine is not None, "--engine"), (lpips, "--lpips")):
        if given:
            raise UsageError(f"{option} does not go with --sweep", hint=f"leave out {option}")
    if suffix == ".onnx":
        raise UsageError("one network has nothing to sweep over", hint="compile it with --adaptive")
