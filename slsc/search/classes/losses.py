"""The losses that a classifier is trained with beside the networks: what is lost, how sure it is, what it spends.

That there are two losses beside the networks' own is all that is public of ClassPruning's training. The two here are
those of ClassSR (Kong et al., CVPR 2021, Eq. 4 and 5), whose words the paper borrows, with costs in place of counts.
"""

from __future__ import annotations

import torch
from torch import Tensor


def expected_error(probabilities: Tensor, errors: Tensor, weights: Tensor) -> Tensor:
    """What regions are expected to lose, as a share of what they lose in the smallest network.

    Args:
        probabilities: (N, K) of the networks that were run, rows summing to 1.
        errors: (N, K) of each region, the smallest network's first; no gradient goes into them.
        weights: (N,) of the regions, their mean 1.
    """
    errors = errors.detach() * weights[:, None]
    return (probabilities * errors).sum(1).mean() / errors[:, 0].mean().clamp_min(torch.finfo(errors.dtype).tiny)


def confidence_loss(probabilities: Tensor) -> Tensor:
    """ClassSR's class loss: how far (N, K) probabilities are from one being 1; 0 there, K - 1 where all are equal.

    At inference the likeliest class is all that counts, so what is trained on the mean of classes must come to one.
    """
    count = probabilities.shape[1]
    apart = [(probabilities[:, i] - probabilities[:, j]).abs() for i in range(count) for j in range(i + 1, count)]
    return count - 1 - torch.stack(apart).sum(0).mean()


def budget_loss(spent: Tensor, before: float, budget: float) -> Tensor:
    """ClassSR's average loss, of costs: how far the average cost is from the budget; its gradient goes into `spent`.

    The average is over the regions of many steps: those of one batch may well be harder than others.

    Args:
        spent: what the step's average region is expected to cost, a scalar.
        before: the average that steps before it have come to, this one included.
        budget: what the average is to be.
    """
    return (spent - spent.detach() + before - budget).abs()
