"""Which layers compute in 8 bits so that the network loses at most so much, most multiply-accumulates first.

The squared errors that layers bring to the output add up nearly, since roundings know nothing of each other. So what a
choice loses is predicted from each layer's own rise, and the layers with most loss for the multiply-accumulates they
save are left out first. Prediction and measurement are brought together by measuring whole networks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

ROUNDS = 4
"""At most so many choices are measured."""

SPARE = 0.9
"""A new prediction aims at this share of what is allowed."""

LEAP = 8.0
"""A new prediction is at most so many times the one before."""

SLACK = 0.6
"""A choice that loses less than this share of what is allowed is tried to be extended."""


@dataclass(frozen=True)
class Sensitivity:
    """What 8 bits do to the output, layer by layer.

    Attributes:
        rises: mean squared change of the output by layer, in units of the squared range.
        macs: multiply-accumulates by layer.
        error: mean squared error of the float32 network against the wanted images, in the same unit.
    """

    rises: Mapping[str, float]
    macs: Mapping[str, int]
    error: float

    def loss(self, layers: Sequence[str]) -> float:
        """Predicted loss in dB with these layers in 8 bits."""
        return 10 * math.log10(1 + sum(self.rises[name] for name in layers) / max(self.error, 1e-12))

    def order(self) -> list[str]:
        """The layers, those first that lose least for the multiply-accumulates they save."""
        return sorted(self.rises, key=lambda name: self.rises[name] / max(self.macs[name], 1))


def choose(
    sensitivity: Sensitivity, allowed: float, measure: Callable[[tuple[str, ...]], float]
) -> tuple[tuple[str, ...], float]:
    """The most layers in 8 bits whose measured loss is within `allowed` dB, and that loss; none where none is found.

    Args:
        sensitivity: to predict with.
        allowed: dB.
        measure: from layers to the network's loss in dB with them in 8 bits.
    """
    order = sensitivity.order()
    best: tuple[tuple[str, ...], float] = (), math.inf
    within, beyond, aim = 0, len(order) + 1, allowed
    for _ in range(ROUNDS):
        count = min(max(_count(sensitivity, order, aim), within + 1), beyond - 1)
        layers = tuple(name for name in sensitivity.rises if name in order[:count])
        loss = measure(layers)
        if loss <= allowed:
            within, best = count, (layers, loss)
        else:
            beyond = count
        if within + 1 >= beyond or SLACK * allowed <= loss <= allowed:
            break
        aim = sensitivity.loss(layers) * min(SPARE * allowed / max(loss, 1e-6), LEAP)
    return best


def _count(sensitivity: Sensitivity, order: Sequence[str], loss: float) -> int:
    """How many layers of an order may be in 8 bits for a predicted loss of at most `loss` dB."""
    return sum(sensitivity.loss(order[: count + 1]) <= loss for count in range(len(order)))
