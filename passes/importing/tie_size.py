"""Declaring the one size of a network that declares any."""

from __future__ import annotations

import numpy as np
import onnx

from slsc.passes import verify
from slsc.passes.analysis.shapes import SAMPLES
from slsc.passes.analysis.sizes import Borders, Sides, Size, only_size, tie
from slsc.passes.base import Pass, PassContext, PassResult, copy_of
from slsc.passes.graph import fixed_hw, image_channels, image_input
from slsc.passes.importing.import_checks import require_sane_sizes

LEAST_TIED = 16
"""Networks are exported at no smaller size."""

TRIED_SIDE = 192
"""Height in pixels of the image that shows whether a network moves along with it; it is twice as wide."""

MOST_MOVED = 5e-3
"""Largest difference, as a share of the output's range: borders tell a little on networks that look far."""


class TieSize(Pass):
    """Input N x C x height x width that runs at 48 x 48 only -> N x C x 48 x 48.

    1. A network that takes all sizes that leave one remainder is left alone, unless that remainder is of a large number
       and the network does not move with its image: masks written for one size then repeat at multiples of it. So is
       one that makes rows and columns larger or smaller by factors that are no whole number, for others to refuse.
    2. Else the size is looked for in the graph's own constants: targets of Reshape, windows of pooling, extents of
       tensors that are added. The smallest one that it takes is declared; one that only fits by chance, such as an
       image a little larger than a pooling window, is larger.
    3. A network that takes none of them is left as it is, for others to refuse.
    """

    name = "tie-size"

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply the rules."""
        if fixed_hw(model) is not None:
            return PassResult(model, False, {"size": "declared"})
        borders = Sides(model).borders
        if borders is not None and (borders.period < LEAST_TIED or _moves_along(model, borders)):
            return PassResult(model, False, {"size": "free"})
        size = None if _scales_freely(model) else only_size(model)
        if size is None:
            return PassResult(model, False, {"size": "none found"})
        result = copy_of(model)
        _declare(result, size)
        node = tie(model, size)
        note = f"the file declares any size, but holds {size[1]}x{size[0]}{f', in {node}' if node else ''}"
        return PassResult(result, True, {"size": list(size), "note": note})


def _scales_freely(model: onnx.ModelProto) -> bool:
    """Whether several sizes are taken, and come out multiplied by the same factors, up to less than a pixel."""
    sides = Sides(model)
    made = [(size, output) for size in SAMPLES if (output := sides.of(size)) is not None]
    if len(made) < 2:
        return False
    size, output = made[-1]
    factors = [after / before for before, after in zip(size, output, strict=True)]
    return all(
        abs(factor * before - after) < 1
        for size, output in made
        for factor, before, after in zip(factors, size, output, strict=True)
    )


def _moves_along(model: onnx.ModelProto, borders: Borders) -> bool:
    """Whether the restoration of an image that is turned round by one period is turned round likewise.

    What lies near the image's borders is left out.
    """
    sides = [-(-side // borders.period) * borders.period for side in (TRIED_SIDE, 2 * TRIED_SIDE)]
    size = sides[0] + borders.remainder, sides[1] + borders.remainder
    require_sane_sizes(model, size)
    image = np.random.default_rng(0).random((1, image_channels(model), *size), np.float32)
    running = verify.session(model)
    before = verify.run(running, image)
    after = verify.run(running, np.roll(image, borders.period, 3))
    margin, step = borders.scale * TRIED_SIDE // 4, borders.scale * borders.period
    inside = before[:, :, margin:-margin, margin : -margin - step]
    moved = after[:, :, margin:-margin, margin + step : -margin]
    return bool(np.abs(inside - moved).max() <= MOST_MOVED * max(float(np.ptp(before)), 1e-12))


def _declare(model: onnx.ModelProto, size: Size) -> None:
    """Fix the image's height and width; the output's follow, and are left free."""
    image, _ = image_input(model)
    for value in model.graph.input:
        if value.name == image:
            for axis, side in zip((2, 3), size, strict=True):
                value.type.tensor_type.shape.dim[axis].dim_value = side
    del model.graph.value_info[:]
