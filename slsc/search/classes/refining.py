"""The classifier's last lesson: the errors that the finished networks really make of calibration photos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from slsc.runtime.adaptive.estimator import Quadratic, terms
from slsc.search.classes.losses import budget_loss, confidence_loss, expected_error
from slsc.search.classes.weighting import BUDGET, CONFIDENCE

STEPS, RATE = 300, 3e-4
"""Of Adam, over all regions at once; the rate falls to 0 along a cosine."""

Values = npt.NDArray[np.float64]


def refined(
    quadratic: Quadratic, values: Values, errors: Values, weights: Values, costs: Sequence[float], average: float
) -> Quadratic:
    """Train a classifier on, by the losses that it was trained by.

    Args:
        quadratic: as training left it.
        values: (N, FEATURES) features of regions.
        errors: (N, K) mean squared errors of the networks there, the cheapest's first.
        weights: (N,) what an error counts there, above 0.
        costs: of the networks, shares of the dense network's.
        average: what the average region is to cost.
    """
    rows = torch.from_numpy(terms(values, quadratic.mean, quadratic.deviation).astype(np.float32))
    wanted = torch.from_numpy(errors.astype(np.float32))
    counted = torch.from_numpy((weights / weights.mean()).astype(np.float32))
    prices = torch.tensor(costs, dtype=torch.float32)
    numbers = torch.from_numpy(quadratic.weights.copy()).requires_grad_()
    optimizer = torch.optim.Adam([numbers], lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    largest = wanted[:, -1:]
    for _ in range(STEPS):
        likely = (rows @ numbers).softmax(1)
        spent = (likely @ prices).mean()
        loss = (
            expected_error(likely, wanted - largest, counted)
            + CONFIDENCE * confidence_loss(likely)
            + BUDGET * budget_loss(spent, float(spent.detach()), average)
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return Quadratic(quadratic.mean, quadratic.deviation, numbers.detach().numpy())
