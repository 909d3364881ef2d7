"""Declaring the one size of a network that declares any."""

from __future__ import annotations

import onnx

from slsc.errors import ModelError
from slsc.passes.analysis.shapes import sample_sizes
from slsc.passes.analysis.sizes import Sides, Size, only_size, tie
from slsc.passes.base import Pass, PassContext, PassResult, copy_of
from slsc.passes.graph import fixed_hw, image_input


class TieSize(Pass):
    """Input N x C x height x width that runs at 48 x 48 only -> N x C x 48 x 48.

    1. A network that takes several of the usual sizes, or all that leave one remainder, is left alone.
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
        try:
            taken = sample_sizes(model)
        except ModelError:
            taken = []
        if len(taken) > 1 or Sides(model).borders is not None:
            return PassResult(model, False, {"size": "free"})
        size = taken[0] if taken else only_size(model)
        if size is None:
            return PassResult(model, False, {"size": "none found"})
        result = copy_of(model)
        _declare(result, size)
        node = tie(model, size)
        note = f"the file declares any size, but holds {size[1]}x{size[0]}{f', in {node}' if node else ''}"
        return PassResult(result, True, {"size": list(size), "note": note})


def _declare(model: onnx.ModelProto, size: Size) -> None:
    """Fix the image's height and width; the output's follow, and are left free."""
    image, _ = image_input(model)
    for value in model.graph.input:
        if value.name == image:
            for axis, side in zip((2, 3), size, strict=True):
                value.type.tensor_type.shape.dim[axis].dim_value = side
    del model.graph.value_info[:]
