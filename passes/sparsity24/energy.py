"""How much of a weight's energy an N:M mask keeps that also fits 2:4 hardware. Numpy only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from slsc.pattern import WINDOW, WINDOW_KEEP

Floats = npt.NDArray[np.float32]


def kept_energy(energy: Floats, n: int, windowed: bool) -> npt.NDArray[np.float64]:
    """Largest sum of a group's entries that an N:M mask keeps.

    By the greedy choice of `slsc.pattern.rank_groups`, which is the best there is: of every window the two largest,
    and of these the N largest.

    Args:
        energy: (..., rows, channels of the group), squared weights, 0 or more.
        n: how many entries of a row's group may be kept.
        windowed: at most 2 of every aligned window of 4 channels.

    Returns:
        (...), summed over rows.
    """
    best = _window_best(energy) if windowed else energy
    left_out = best.shape[-1] - n
    if left_out > 0:
        best = np.partition(best, left_out, axis=-1)[..., left_out:]
    return best.sum(axis=(-1, -2), dtype=np.float64)


def _window_best(energy: Floats) -> Floats:
    """(..., channels) to (..., 2 per window): the two largest of every aligned window of 4, the last one filled up."""
    missing = -energy.shape[-1] % WINDOW
    if missing:
        energy = np.concatenate([energy, np.zeros((*energy.shape[:-1], missing), energy.dtype)], -1)
    a, b, c, d = (energy[..., place::WINDOW] for place in range(WINDOW))
    upper, lower = np.maximum(a, b), np.minimum(a, b)
    upper_of_rest, lower_of_rest = np.maximum(c, d), np.minimum(c, d)
    first = np.maximum(upper, upper_of_rest)
    second = np.maximum(np.minimum(upper, upper_of_rest), np.maximum(lower, lower_of_rest))
    found = np.concatenate([first, second], -1)
    assert found.shape[-1] == WINDOW_KEEP * energy.shape[-1] // WINDOW
    return found
