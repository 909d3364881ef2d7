"""The classifier of a ClassPruning bundle: taught, brought to its average cost, measured and packaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import onnx

from slsc.data.patches import Pair
from slsc.errors import UsageError
from slsc.jobs.compile.adapting import FLOOR, SHIFTS, Fitted, ladder_entry
from slsc.jobs.compile.artefacts import join
from slsc.jobs.compile.baking import BakedEngine
from slsc.jobs.compile.measuring import fitted, runner
from slsc.jobs.compile.regional_errors import Measured, Meter, Values, enough, network_of
from slsc.progress import StageProgress
from slsc.runtime.adaptive.classes import likeliest, regrets
from slsc.runtime.adaptive.estimator import Quadratic
from slsc.runtime.adaptive.regions import SIZE
from slsc.runtime.adaptive.selection import Table, by_budget
from slsc.runtime.bundle.engines import Artefact
from slsc.runtime.bundle.estimators import CLASSES, EstimatorRecord
from slsc.search.base import Classes
from slsc.search.classes.refining import refined

ENTRY = "estimators/classes.f32"

LARGEST_PRICE = 1e4
"""Of the cost of the dense network, in logits."""


def fit_classes(
    engines: Sequence[BakedEngine],
    classes: Classes,
    dense: onnx.ModelProto,
    calibration: Sequence[Pair],
    held_out: Sequence[Pair],
    *,
    truth: bool,
    progress: StageProgress,
) -> Fitted:
    """Teach a classifier what the networks do to calibration photos, and measure it on held-out ones.

    Args:
        engines: of the nested networks.
        classes: as trained beside them.
        dense: the network that shares are of.
        calibration: (input, wanted output), HxWx3 uint8 RGB, to train on, and for the average cost.
        held_out: likewise, to measure on.
        truth: whether the wanted outputs say what is better; the dense network's output does otherwise.
        progress: told as images are restored.

    Raises:
        UsageError: two networks cost the same.
    """
    ranked = sorted(engines, key=lambda engine: engine.share_of_all)
    costs = np.array([engine.share_of_all for engine in ranked])
    if (np.diff(costs) <= 0).any():
        raise UsageError("two of the nested networks cost the same", hint="give budgets that are farther apart")
    io, average = ranked[0].io, float(classes.average)
    meter = Meter([network_of(engine) for engine in ranked], runner(dense), io, truth)
    trained_on = meter.measure(enough(calibration, io), progress, SHIFTS)
    quadratic = priced(_refined(classes.quadratic, trained_on, costs, average), trained_on, costs, average)
    measured = meter.measure([fitted(pair, io) for pair in held_out], progress)
    joined, refusals = join([(engine.model, engine.plan) for engine in ranked], io)
    record = EstimatorRecord(
        kind=CLASSES,
        entry=ENTRY,
        candidates=tuple(engine.name for engine in ranked),
        dense=False,
        region=SIZE,
        beta=0.0,
        beta_engines=0.0,
        budget=average,
        quality=judged(quadratic, measured, costs),
        artefacts={kind: Artefact(ladder_entry(kind)) for kind in joined},
    )
    entries = {ENTRY: quadratic.to_bytes(), **{ladder_entry(kind): data for kind, data in joined.items()}}
    return Fitted(record, entries, refusals, shares_weights=bool(joined))


def _refined(quadratic: Quadratic, images: Sequence[Measured], costs: Values, average: float) -> Quadratic:
    """The classifier after a last lesson; an error counts by its share of its image's, as it does in decibels."""
    values, errors, weights = [], [], []
    for each in images:
        of_image = (each.errors[len(costs) - 1] * each.pixels).sum() + FLOOR * each.pixels.sum()
        values.append(each.features.reshape(len(each.features), -1).T)
        errors.append(each.errors[: len(costs)].reshape(len(costs), -1).T)
        weights.append((each.pixels / of_image).ravel())
    seen, made, counted = (np.concatenate(parts).astype(np.float64) for parts in (values, errors, weights))
    return refined(quadratic, seen, made, counted, costs.tolist(), average)


def priced(quadratic: Quadratic, images: Sequence[Measured], costs: Values, average: float) -> Quadratic:
    """A classifier whose likeliest classes cost `average` on images, or the nearest below that there is.

    What is taken from each class's logit is its cost at one price. That is the Lagrangian rule: of all choices of that
    cost none is likelier.

    Args:
        quadratic: as trained: the likeliest may cost more, or less, than the mean of probabilities did.
        images: their features.
        costs: of the classes, ascending, shares of the dense network's.
        average: what the average pixel is to cost.
    """
    found = [(_logits(quadratic, each), each.pixels) for each in images]
    area = sum(float(pixels.sum()) for _, pixels in found)

    def costs_more(price: float) -> bool:
        spent = sum(
            float((costs[(logits - price * costs[:, None, None]).argmax(0)] * pixels).sum()) for logits, pixels in found
        )
        return spent > average * area

    low, high = -LARGEST_PRICE, LARGEST_PRICE
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if costs_more(middle) else (low, middle)
    weights = quadratic.weights.copy()
    weights[0] -= (high * costs).astype(np.float32)
    return replace(quadratic, weights=weights)


def _logits(quadratic: Quadratic, image: Measured) -> Values:
    values = image.features.reshape(len(image.features), -1).T
    return quadratic(values).T.reshape(-1, *image.pixels.shape).astype(np.float64)


def judged(quadratic: Quadratic, images: Sequence[Measured], costs: Values) -> Mapping[str, float]:
    """How well it does on images that it was not trained on.

    Returns:
        "cost": of the average pixel; "loss_db": to the largest network everywhere, the mean over images;
        "oracle_loss_db": where regions were chosen by their real errors, at the same cost.
    """
    spent, lost, least = [], [], []
    for each in images:
        real = Table(each.errors[: len(costs)], costs, each.pixels)
        choice = likeliest(Table(regrets(_logits(quadratic, each)), costs, each.pixels)).choice
        largest = real.mean(real.errors[-1]) + FLOOR
        best = by_budget(real, real.cost(choice)).choice
        spent.append(real.cost(choice))
        lost.append(10 * np.log10((real.error(choice) + FLOOR) / largest))
        least.append(10 * np.log10((real.error(best) + FLOOR) / largest))
    found = {"cost": spent, "loss_db": lost, "oracle_loss_db": least}
    return {name: float(np.mean(each)) for name, each in found.items()}
