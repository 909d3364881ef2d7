"""The estimator of an adaptive ladder: trained on the errors that its candidates really make, region by region."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import onnx

from slsc.data.patches import Pair
from slsc.errors import UsageError
from slsc.jobs.compile.artefacts import join
from slsc.jobs.compile.baking import BakedEngine
from slsc.jobs.compile.measuring import fitted, runner
from slsc.networks.tile_geometry import Batch, RestoreBatch
from slsc.passes.artefacts import FORMS
from slsc.progress import StageProgress
from slsc.runtime.adaptive.estimator import HIGHEST, LOWEST, Quadratic, terms
from slsc.runtime.adaptive.features import features
from slsc.runtime.adaptive.mixed_tiles import enlarged
from slsc.runtime.adaptive.regions import SIZE, Regions, region_means
from slsc.runtime.adaptive.selection import Table, by_beta, by_budget
from slsc.runtime.backends.native_backend import NativeBackend
from slsc.runtime.bundle.engines import ZERO_COST, Artefact
from slsc.runtime.bundle.estimators import KIND, EstimatorRecord
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.image.colour import LUMA
from slsc.runtime.image.pixels import to_batch, wanted_batch

Values = npt.NDArray[np.float64]

ENTRY = "estimators/errors.f32"

REGIONS = 3000
"""Regions that it is trained on, at most: more photos than hold them are left out."""

SHIFTS = ((0, 0), (SIZE[0] // 2, SIZE[1] // 2))
"""Photos are cut into regions so many rows and columns further on: more to learn from what is restored once."""

RIDGE = 100.0
"""Pulls weights to 0: as much as so many regions of average weight pull them elsewhere."""

HARD = 0.25
"""Regions weigh as their error to this power: where it is large, mistakes cost an image more."""

FLOOR = 0.05
"""Added to mean squared errors before their logarithm, square levels: what nobody sees is not to be told apart."""

LARGEST_BETA = 1e4

OVER = 0.1
"""An engine's cost over all layers may lie so far above its budget, which counts those that are pruned."""


@dataclass(frozen=True)
class Measured:
    """One image: what is seen of its regions, and what the candidates made of them.

    Attributes:
        features: (FEATURES, rows, columns).
        errors: (K, rows, columns) mean squared errors, levels of 0..255; the dense network's last where it counts.
        pixels: (rows, columns) of each region.
    """

    features: npt.NDArray[np.float32]
    errors: Values
    pixels: Values


@dataclass(frozen=True)
class Fitted:
    """A trained estimator.

    Attributes:
        record: what the manifest says of it.
        entries: its files in the bundle.
        warnings: what speaks against using it.
    """

    record: EstimatorRecord
    entries: Mapping[str, bytes]
    warnings: Sequence[str]


def ladder_budgets(budgets: Sequence[Fraction]) -> tuple[Fraction, ...]:
    """The budgets of a ladder's engines: those given where there are several; else the one, twice and half of it."""
    if len(budgets) > 1:
        return tuple(budgets)
    return tuple(budget for budget in (budgets[0], 2 * budgets[0], budgets[0] / 2) if budget <= 1)


def fit_estimator(
    engines: Sequence[BakedEngine],
    dense: onnx.ModelProto,
    calibration: Sequence[Pair],
    held_out: Sequence[Pair],
    *,
    truth: bool,
    budget: Fraction,
    progress: StageProgress,
) -> Fitted:
    """Train an estimator for engines and what costs nothing, and the beta at which they cost `budget` on average.

    Args:
        engines: of one ladder.
        dense: the network before the search.
        calibration: (input, wanted output), HxWx3 uint8 RGB, to train on.
        held_out: likewise, to measure it on.
        truth: whether the wanted outputs say what is better; the dense network's output does otherwise.
        budget: average cost of a pixel, a share of the dense network's.
        progress: told as images are restored.

    Raises:
        UsageError: two engines cost the same.
    """
    ranked = sorted(engines, key=lambda engine: engine.share_of_all)
    costs = np.array([0.0, *(engine.share_of_all for engine in ranked)])
    if (np.diff(costs) <= 0).any():
        raise UsageError("two engines of the ladder cost the same", hint="give budgets that are farther apart")
    io = ranked[0].io
    networks: list[RestoreBatch] = [lambda batch: enlarged(batch, io), *map(_network, ranked)]
    meter = _Meter(networks, runner(dense), io, truth)
    trained_on = meter.measure(_enough(calibration, io), progress, SHIFTS)
    quadratic = fit(trained_on)
    found = [(each, _table(quadratic, each, costs)) for each in trained_on]
    tables = [table for _, table in found]
    names = (ZERO_COST[io.task], *(engine.name for engine in ranked))
    quality = judged(quadratic, meter.measure([fitted(pair, io) for pair in held_out], progress), costs, budget)
    joined, refusals = join([(engine.model, engine.plan) for engine in ranked], io)
    record = EstimatorRecord(
        kind=KIND,
        entry=ENTRY,
        candidates=names,
        dense=truth,
        region=SIZE,
        beta=calibrated_beta(tables, float(budget)),
        beta_engines=calibrated_beta([_engines_alone(table) for table in tables], float(budget)),
        budget=float(budget),
        quality=quality,
        artefacts={kind: Artefact(_entry(kind)) for kind in joined},
    )
    entries = {ENTRY: quadratic.to_bytes(), **{_entry(kind): data for kind, data in joined.items()}}
    return Fitted(record, entries, [*_doubts(quality), *refusals])


def _entry(kind: str) -> str:
    return f"engines/ladder.{FORMS[kind].suffix}"


def _doubts(quality: Mapping[str, float]) -> list[str]:
    if quality["gain_db"] > 0:
        return []
    return [
        f"choosing by region gains {quality['gain_db']:.2f} dB on the held-out photos, where one engine of that cost "
        "does as well: train it on more photos with --data, or compile without --adaptive"
    ]


def _network(engine: BakedEngine) -> RestoreBatch:
    """An engine as a function: on the native engine where that takes it, which is faster, and shown to agree."""
    data, backend = engine.artefacts.made.get(NativeBackend.kind), NativeBackend(0)
    if data is not None and backend.available() is None:
        return backend.load(data).run
    return runner(engine.model)


class _Meter:
    """Measures what networks make of images."""

    def __init__(self, networks: Sequence[RestoreBatch], dense: RestoreBatch, io: ImageIO, truth: bool) -> None:
        self._networks, self._dense, self._io, self._truth = networks, dense, io, truth

    def measure(
        self, pairs: Sequence[Pair], progress: StageProgress, shifts: Sequence[tuple[int, int]] = ((0, 0),)
    ) -> list[Measured]:
        """Measure images, each several times: with the regions so many rows and columns further on."""
        found: list[Measured] = []
        for index, (given, wanted) in enumerate(pairs):
            found += self._measured(given, wanted, shifts)
            progress("measuring candidates", index + 1, len(pairs))
        return found

    def _measured(
        self, given: npt.NDArray[np.uint8], wanted: npt.NDArray[np.uint8], shifts: Sequence[tuple[int, int]]
    ) -> Iterator[Measured]:
        io = self._io
        batch = to_batch(given, io)
        outputs = [self._seen(network(batch)) for network in self._networks]
        dense = self._seen(self._dense(batch))
        reference = self._seen(wanted_batch(wanted, io)) if self._truth else dense
        if self._truth:
            outputs.append(dense)
        squares = [(output - reference) ** 2 for output in outputs]
        for down, right in shifts:
            part = given[down:, right:]
            if 0 in part.shape:
                continue
            regions, scale = Regions.of(part, SIZE), io.scale
            errors = [
                region_means(each[:, down * scale :, right * scale :].mean(0), regions, scale) for each in squares
            ]
            yield Measured(features(part, regions), np.stack(errors), regions.pixels)

    def _seen(self, output: Batch) -> Values:
        """What counts of an output, levels of 0..255: luma of colours that are enlarged, all channels else."""
        unit = self._io.output_range.to_unit(output)[0].clip(0, 1) * 255
        if self._io.scale > 1 and self._io.channels == 3:
            weights = np.array(LUMA[::-1] if self._io.order == "BGR" else LUMA)
            return np.tensordot(weights, unit, 1)[None]
        return unit.astype(np.float64)


def _enough(pairs: Sequence[Pair], io: ImageIO) -> list[Pair]:
    """Pairs that hold `REGIONS`, cut as the network takes them, drawn evenly over all."""
    cut = [fitted(pair, io) for pair in pairs]
    sizes = [Regions.of(given, SIZE).pixels.size for given, _ in cut]
    count = max(1, int(len(cut) * min(1.0, REGIONS / sum(sizes))))
    return [cut[index] for index in np.linspace(0, len(cut) - 1, count).astype(int)]


def fit(images: Sequence[Measured]) -> Quadratic:
    """Ridge regression of the errors' logarithms on the features and their products."""
    values = np.concatenate([each.features.reshape(len(each.features), -1).T for each in images]).astype(np.float64)
    errors = np.concatenate([each.errors.reshape(len(each.errors), -1).T for each in images]) + FLOOR
    weight = np.concatenate([each.pixels.ravel() for each in images]) / (SIZE[0] * SIZE[1]) * errors.mean(1) ** HARD
    weight /= weight.mean()
    mean, deviation = values.mean(0), values.std(0) + 1e-3
    rows = terms(values, mean, deviation)
    ridge = np.full(rows.shape[1], RIDGE)
    ridge[0] = 1e-6  # the mean is not pulled
    system = (rows * weight[:, None]).T @ rows + np.diag(ridge)
    weights = np.linalg.solve(system, (rows * weight[:, None]).T @ np.log(errors))
    return Quadratic(*(part.astype(np.float32) for part in (mean, deviation, weights)))


def _estimated(quadratic: Quadratic, image: Measured) -> Values:
    logs = quadratic(image.features.reshape(len(image.features), -1).T).T
    return np.exp(logs.clip(LOWEST, HIGHEST).astype(np.float64)).reshape(-1, *image.pixels.shape)


def _table(quadratic: Quadratic, image: Measured, costs: Values) -> Table:
    return Table(_estimated(quadratic, image)[: len(costs)], costs, image.pixels)


def _engines_alone(table: Table) -> Table:
    return Table(table.errors[1:], table.costs[1:], table.pixels)


def calibrated_beta(tables: Sequence[Table], budget: float) -> float:
    """The least beta at which images cost at most `budget` on average; the largest there is where none does."""

    def costs_more(beta: float) -> bool:
        spent = sum(table.cost(by_beta(table, beta)) * table.pixels.sum() for table in tables)
        return bool(spent > budget * sum(table.pixels.sum() for table in tables))

    if not costs_more(0.0):
        return 0.0
    low, high = 1e-6, LARGEST_BETA
    for _ in range(40):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if costs_more(middle) else (low, middle)
    return high


def judged(quadratic: Quadratic, images: Sequence[Measured], costs: Values, budget: Fraction) -> Mapping[str, float]:
    """How well it estimates: figures on images that it was not trained on.

    Returns:
        "rank_correlation": Spearman's, of the cheapest's error; "gain_correlation": of what the dearest takes from it,
        as logarithms; "bias_db": mean of estimated over real errors; "gain_db" and "oracle_gain_db": what choosing by
        estimates, and by the real errors, gains over the dearest candidate within the budget everywhere, at its cost.
    """
    count = len(costs)
    real = np.concatenate([np.log(each.errors[:count] + FLOOR).reshape(count, -1) for each in images], 1)
    guessed = np.concatenate(
        [np.log(_estimated(quadratic, each)[:count] + FLOOR).reshape(count, -1) for each in images], 1
    )
    fixed = int(np.flatnonzero(costs <= float(budget) * (1 + OVER))[-1])
    gains = {"guessed": 0.0, "real": 0.0}
    for each in images:
        true = Table(each.errors[:count], costs, each.pixels)
        alone = true.mean(each.errors[fixed])
        for name, table in (("guessed", _table(quadratic, each, costs)), ("real", true)):
            choice = by_budget(table, float(costs[fixed])).choice
            gains[name] += 10 * np.log10((alone + FLOOR) / (true.error(choice) + FLOOR)) / len(images)
    return {
        "rank_correlation": rank_correlation(real[0], guessed[0]),
        "gain_correlation": rank_correlation(real[0] - real[-1], guessed[0] - guessed[-1]),
        "bias_db": float((guessed - real).mean() * 10 / np.log(10)),
        "gain_db": float(gains["guessed"]),
        "oracle_gain_db": float(gains["real"]),
    }


def rank_correlation(first: Values, second: Values) -> float:
    """Spearman's; 0 where either is the same everywhere."""
    if min(np.ptp(first), np.ptp(second)) == 0:
        return 0.0
    ranks = [np.argsort(np.argsort(values)) - (len(values) - 1) / 2 for values in (first, second)]
    return float((ranks[0] * ranks[1]).sum() / (ranks[0] ** 2).sum())
