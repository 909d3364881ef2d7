"""Which units to keep when the budget is to be met, or used up, at once: those of the highest priority."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def fill_budget(p: npt.NDArray[np.floating], macs: npt.NDArray[np.int64], limit: float | int) -> npt.NDArray[np.bool_]:
    """Take units in the order of falling priority while their MACs fit.

    A layer whose next unit does not fit takes no more. Among equal priorities low units go first.

    Args:
        p: priority of the units, (layers, M); the first unit of every layer is taken in any case.
        macs: of each layer by N, (layers, M + 1).
        limit: MACs of all layers at most.

    Returns:
        (layers, M), True where a unit is taken.
    """
    layers, m = p.shape
    taken = np.zeros(p.shape, np.bool_)
    taken[:, 0] = True
    count = np.ones(layers, np.int64)
    rest = limit - int(macs[:, 1].sum())
    full = np.zeros(layers, np.bool_)
    unit = np.arange(m)[None, :].repeat(layers, 0)
    for place in np.lexsort((unit.ravel(), -p.ravel())):
        layer, index = divmod(int(place), m)
        price = int(macs[layer, count[layer] + 1] - macs[layer, count[layer]]) if count[layer] < m else 0
        if index == 0 or full[layer]:
            continue
        full[layer] = price > rest
        if not full[layer]:
            taken[layer, index] = True
            count[layer] += 1
            rest -= price
    return taken
