"""The estimator of an adaptive ladder: trained on the errors that its candidates really make, region by region."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

import numpy as np
import onnx

from slsc.data.patches import Pair
from slsc.errors import UsageError
from slsc.jobs.compile.artefacts import join
from slsc.jobs.compile.baking import BakedEngine
from slsc.jobs.compile.measuring import runner
from slsc.jobs.compile.regional_errors import Measured, Meter, Values, enough, network_of
from slsc.networks.tile_geometry import RestoreBatch
from slsc.passes.artefacts import FORMS
from slsc.progress import StageProgress
from slsc.runtime.adaptive.enlarging import enlarged
from slsc.runtime.adaptive.estimator import Quadratic, estimates, terms
from slsc.runtime.adaptive.one_pass import OnePass, everywhere, with_everywhere
from slsc.runtime.adaptive.regions import SIZE
from slsc.runtime.adaptive.selection import Alone, Table, by_budget
from slsc.runtime.adaptive.timing import timed_hw
from slsc.runtime.adaptive.wish import Rules
from slsc.runtime.backends.native_backend import NativeBackend
from slsc.runtime.bundle.engines import ZERO_COST, Artefact
from slsc.runtime.bundle.estimators import KIND, EstimatorRecord
from slsc.runtime.bundle.manifest import ImageIO

ENTRY = "estimators/errors.f32"

SHIFTS = ((0, 0), (SIZE[0] // 2, SIZE[1] // 2))
"""Photos are cut into regions so many rows and columns further on: more to learn from what is restored once."""

RIDGE = 100.0
"""Pulls weights to 0: as much as so many regions of average weight pull them elsewhere."""

HARD = 0.5
"""Regions weigh as what is estimated of them to this power: where it is large, mistakes cost an image more."""

FLOOR = 0.05
"""Added to mean squared errors before their logarithm, square levels: what nobody sees is not to be told apart."""

FOLDS = 5
"""Parts of the photos, each of which is judged by what the others teach: a few held-out photos would tell little, as
choosing gains 0.2 dB on one and nothing on the next."""

LARGEST_BETA = 1e4

OVER = 0.1
"""An engine's cost over all layers may lie so far above its budget, which counts those that are pruned."""


@dataclass(frozen=True)
class Fitted:
    """A trained estimator.

    Attributes:
        record: what the manifest says of it.
        entries: its files in the bundle.
        warnings: what speaks against using it.
        shares_weights: its artefacts hold all networks in one set of weights, and stand for the dearest's own.
    """

    record: EstimatorRecord
    entries: Mapping[str, bytes]
    warnings: Sequence[str]
    shares_weights: bool = False


def ladder_budgets(budgets: Sequence[Fraction]) -> tuple[Fraction, ...]:
    """The budgets of a ladder's engines: those given where there are several; else the one, twice and half of it."""
    if len(budgets) > 1:
        return tuple(budgets)
    return tuple(budget for budget in (budgets[0], 2 * budgets[0], budgets[0] / 2) if budget <= 1)


def fit_estimator(
    engines: Sequence[BakedEngine],
    dense: onnx.ModelProto,
    calibration: Sequence[Pair],
    *,
    truth: bool,
    budget: Fraction,
    progress: StageProgress,
) -> Fitted:
    """Train an estimator for engines and what costs nothing, and the beta at which they cost `budget` on average.

    Args:
        engines: of one ladder.
        dense: the network before the search.
        calibration: (input, wanted output), HxWx3 uint8 RGB, to train and, in turn, to measure it on.
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
    networks: list[RestoreBatch] = [lambda batch: enlarged(batch, io), *map(network_of, ranked)]
    meter = Meter(networks, runner(dense), io, truth)
    trained_on = meter.measure(enough(calibration, io), progress, SHIFTS)
    quadratic = fit(trained_on)
    found = [(each, _table(quadratic, each, costs)) for each in trained_on]
    tables = [table for _, table in found]
    names = (ZERO_COST[io.task], *(engine.name for engine in ranked))
    quality = cross_judged(trained_on, costs, budget)
    joined, refusals = join([(engine.model, engine.plan) for engine in ranked], io)
    in_pass = with_everywhere(costs, _everywhere(joined, io))
    passes = [replace(table, costs=in_pass) for table in tables]
    record = EstimatorRecord(
        kind=KIND,
        entry=ENTRY,
        candidates=names,
        dense=truth,
        region=SIZE,
        beta=calibrated_beta(tables, float(budget)),
        beta_engines=calibrated_beta(passes, float(budget), partial(OnePass, side=SIZE[0])),
        budget=float(budget),
        quality=quality,
        artefacts={kind: Artefact(ladder_entry(kind)) for kind in joined},
    )
    entries = {ENTRY: quadratic.to_bytes(), **{ladder_entry(kind): data for kind, data in joined.items()}}
    return Fitted(record, entries, [*_doubts(quality), *refusals])


def ladder_entry(kind: str) -> str:
    """Name of the entry that holds all engines of a ladder together."""
    return f"engines/ladder.{FORMS[kind].suffix}"


def _everywhere(joined: Mapping[str, bytes], io: ImageIO) -> float:
    """What a pass by region computes of all regions, a share of the cheapest engine's cost; 0 where there is none."""
    backend = NativeBackend(0)
    if backend.kind not in joined or backend.available() is not None:
        return 0.0
    return everywhere(backend.load(joined[backend.kind]), timed_hw(io))


def _doubts(quality: Mapping[str, float]) -> list[str]:
    if quality["gain_db"] > 0:
        return []
    return [
        f"choosing by region gains {quality['gain_db']:.2f} dB on photos that it did not learn from, where one engine "
        "of that cost does as well: train it on more photos with --data, or compile without --adaptive"
    ]


def fit(images: Sequence[Measured]) -> Quadratic:
    """Ridge regression of logarithms on the features and their products: of candidates' distances to the dense
    network, then of that network's error where it counts.

    Distances teach more than errors do: the input tells them, while half of an error is what no network can know.
    """
    values = np.concatenate([each.features.reshape(len(each.features), -1).T for each in images]).astype(np.float64)
    parts = [np.concatenate([each.distances, each.errors[len(each.distances) :]]) for each in images]
    errors = np.concatenate([part.reshape(len(part), -1).T for part in parts]) + FLOOR
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
    """(K, rows, columns) of the candidates."""
    logs = quadratic(image.features.reshape(len(image.features), -1).T).T.reshape(-1, *image.pixels.shape)
    return estimates(logs, len(image.distances), apart=True).candidates


def _table(quadratic: Quadratic, image: Measured, costs: Values) -> Table:
    return Table(_estimated(quadratic, image), costs, image.pixels)


def calibrated_beta(tables: Sequence[Table], budget: float, rules: Callable[[Table], Rules] = Alone) -> float:
    """The least beta at which images cost at most `budget` on average; the largest there is where none does.

    Args:
        tables: estimates of the images.
        budget: average cost of a pixel, a share of the dense network's.
        rules: by which regions are chosen for, and what that costs.
    """

    def costs_more(beta: float) -> bool:
        each = [(rules(table), table.pixels.sum()) for table in tables]
        spent = sum(rule.cost(rule.by_beta(beta)) * pixels for rule, pixels in each)
        return bool(spent > budget * sum(table.pixels.sum() for table in tables))

    if not costs_more(0.0):
        return 0.0
    low, high = 1e-6, LARGEST_BETA
    for _ in range(40):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if costs_more(middle) else (low, middle)
    return high


def cross_judged(images: Sequence[Measured], costs: Values, budget: Fraction) -> Mapping[str, float]:
    """`judged`, the mean over all images: of each fold of photos by what the others teach; one photo by itself.

    Args:
        images: as `Meter.measure` gives them with `SHIFTS`, those of one photo side by side.
        costs, budget: as for `judged`.
    """
    photos = -(-len(images) // len(SHIFTS))
    folds = min(FOLDS, photos)
    folded = [(image, index // len(SHIFTS) * folds // photos) for index, image in enumerate(images)]
    found, sizes = [], []
    for fold in range(folds):
        unseen = [image for image, own in folded if own == fold]
        others = [image for image, own in folded if own != fold or folds == 1]
        found.append(judged(fit(others), unseen, costs, budget))
        sizes.append(len(unseen))
    return {name: float(np.average([each[name] for each in found], weights=sizes)) for name in found[0]}


def judged(quadratic: Quadratic, images: Sequence[Measured], costs: Values, budget: Fraction) -> Mapping[str, float]:
    """How well it estimates: figures on images that it was not trained on.

    Returns:
        "rank_correlation": Spearman's, of the cheapest's error; "gain_correlation": of what the dearest takes from it,
        as logarithms; "bias_db": mean of estimated over real errors; "gain_db" and "oracle_gain_db": what choosing by
        estimates, and by the real errors, gains over the dearest candidate within the budget everywhere, at its cost.
    """
    count = len(costs)
    real = np.concatenate([np.log(each.errors[:count] + FLOOR).reshape(count, -1) for each in images], 1)
    guessed = np.concatenate([np.log(_estimated(quadratic, each) + FLOOR).reshape(count, -1) for each in images], 1)
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
