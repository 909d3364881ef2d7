"""Which image sizes a graph takes: any, those of one remainder, or one that is written into it.

Only shapes are inferred, nothing is run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

import numpy as np
import onnx
from onnx import numpy_helper

from slsc.errors import ModelError
from slsc.passes.analysis.shapes import MULTIPLES, concrete_shapes, sample_size
from slsc.passes.base import copy_of
from slsc.passes.graph import attribute, image_input, label

BASE = 192
"""Sides sampled begin here: large enough for networks that cut off their borders."""

SMALLEST, LARGEST = 8, 2048
"""Sides that a network may be tied to, pixels."""

STRIDES = (1, 2, 4, 8, 16, 32)
"""A size written into the graph may be that of an inner tensor, so many times smaller than the image."""

MAX_TRIED = 300
"""Sizes tried of those that the constants of a graph suggest."""

MAX_TARGET = 16
"""Most numbers of a constant that may be the target of a Reshape, or the amounts of a Slice."""

POOLS = ("AveragePool", "MaxPool", "LpPool")

Size = tuple[int, int]


@dataclass(frozen=True)
class Borders:
    """How the output's size follows from the input's, for sides that leave `remainder` divided by `period`.

    A side of n pixels becomes `scale` * n - `cut` (rows, columns).
    """

    scale: int
    cut: tuple[int, int]
    period: int
    remainder: int

    @property
    def plain(self) -> bool:
        """Whether the output is a whole multiple of any image."""
        return self.cut == (0, 0) and self.remainder == 0


class Sides:
    """Output sizes of a graph by input size, each inferred once.

    Args:
        model: its declared height and width, where it has any, do not count.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self._model = without_size(model)
        self._output = image_input(model)[1]
        self._known: dict[Size, Size | None] = {}

    def of(self, size: Size) -> Size | None:
        """Height and width of the output; None where the graph does not take the size, or makes another batch of it."""
        if size not in self._known:
            self._known[size] = self._inferred(size)
        return self._known[size]

    def _inferred(self, size: Size) -> Size | None:
        try:
            shape = concrete_shapes(self._model, size).of[self._output]
        except ModelError:
            return None
        return (shape[2], shape[3]) if len(shape) == 4 and shape[0] == 1 else None

    @cached_property
    def borders(self) -> Borders | None:
        """The rule that the sizes follow, of the shortest period there is; None where they follow none.

        Of several remainders the one with the least cut off: strides leave out a last row or column of the others.
        """
        for period in MULTIPLES:
            found = [rule for rule in (self._rule(period, remainder) for remainder in range(period)) if rule]
            if found:
                return min(found, key=lambda rule: (sum(rule.cut), rule.remainder))
        return None

    def _rule(self, period: int, remainder: int) -> Borders | None:
        """Whether sizes of one remainder are all taken, and follow one line."""
        sides = [BASE + remainder + period * step for step in (0, 1, 2, 3)]
        if self.of((sides[0], sides[0])) is None:  # known from shorter periods, as a rule
            return None
        sizes = [(sides[0], sides[1]), (sides[1], sides[0]), (sides[2], sides[3]), (sides[3], sides[1])]
        made = []
        for size in sizes:
            output = self.of(size)
            if output is None:
                return None
            made.append(output)
        scale, rest = divmod(made[2][0] - made[0][0], sides[2] - sides[0])
        if rest or scale < 1:
            return None
        cut = scale * sizes[0][0] - made[0][0], scale * sizes[0][1] - made[0][1]
        follows = all(
            output == (scale * size[0] - cut[0], scale * size[1] - cut[1])
            for size, output in zip(sizes, made, strict=True)
        )
        return Borders(scale, cut, period, remainder) if follows else None


def without_size(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose image declares no height and width."""
    result = copy_of(model)
    image, output = image_input(result)
    for value in (*result.graph.input, *result.graph.output):
        dims = value.type.tensor_type.shape.dim
        if value.name in (image, output) and len(dims) == 4:
            for axis, name in ((2, "height"), (3, "width")):
                dims[axis].dim_param = f"{value.name}.{name}"
    del result.graph.value_info[:]
    return result


def any_size(model: onnx.ModelProto) -> Size:
    """A size that the graph takes: its own where it declares one.

    Raises:
        ModelError: none was found.
    """
    try:
        return sample_size(model)
    except ModelError:
        sides = Sides(model)
        if sides.borders:
            side = BASE + sides.borders.remainder
            return side, side
        found = only_size(model)
        if found is None:
            raise
        return found


def only_size(model: onnx.ModelProto) -> Size | None:
    """The smallest size that a graph takes, of those that its constants suggest; None where it takes none of them.

    Sizes that come out as a whole multiple go first: as many values in other rows and columns may fit a Reshape too.
    """
    sides = Sides(model)
    made = [(size, sides.of(size)) for size in _suggested(model)]
    whole = [size for size, output in made if output is not None and _is_multiple(size, output)]
    images = [size for size, output in made if output is not None and _is_image(size, output)]
    return next(iter((*whole, *images)), None)


def refusal_of(model: onnx.ModelProto, size: Size, factor: Fraction) -> ModelError | None:
    """What refuses an image `factor` times as high and wide as `size`; None where nothing does.

    Its `where` names the node.
    """
    try:
        concrete_shapes(without_size(model), (int(size[0] * factor), int(size[1] * factor)))
    except ModelError as error:
        return error
    return None


def tie(model: onnx.ModelProto, size: Size) -> str:
    """The node that ties a network to a size: pooling of the whole, or what refuses twice it; empty if not known."""
    shapes = concrete_shapes(model, size).of
    for node in model.graph.node:
        if node.op_type in POOLS and tuple(attribute(node, "kernel_shape", ())) == shapes[node.input[0]][2:]:
            return label(node)
    # Where the batch follows, twice the size is four images to a Reshape, and one and a half times none at all.
    refusals = [refusal_of(model, size, factor) for factor in (Fraction(3, 2), Fraction(2))]
    found = [refusal.where or "" for refusal in refusals if refusal]
    return next((node for node in found if node.startswith("Reshape")), found[-1] if refusals[-1] else "")


def _is_multiple(size: Size, output: Size) -> bool:
    return all(after % before == 0 for before, after in zip(size, output, strict=True)) and (
        output[0] * size[1] == output[1] * size[0]
    )


def _is_image(size: Size, output: Size) -> bool:
    """Whether an output may be the restoration of an image without its borders: they are no quarter of it wide."""
    return all(2 * after > before for before, after in zip(size, output, strict=True))


def _suggested(model: onnx.ModelProto) -> list[Size]:
    """Pairs of numbers that stand side by side in constants, and squares, times the strides; small and square first."""
    found: set[Size] = set()
    for pair in _pairs(model):
        found.update((pair[0] * stride, pair[1] * stride) for stride in STRIDES)
    fitting = (size for size in found if min(size) >= SMALLEST and max(size) <= LARGEST)
    return sorted(fitting, key=lambda size: (math.prod(size), max(size), size))[:MAX_TRIED]


def _pairs(model: onnx.ModelProto) -> Iterator[Size]:
    """Height and width as graphs write them: side by side, as windows times their extent, or multiplied together."""
    for node in model.graph.node:
        if node.op_type in POOLS and len(attribute(node, "kernel_shape", ())) == 2:
            rows, columns = attribute(node, "kernel_shape")
            yield rows, columns
    tensors = list(model.graph.initializer)
    tensors += [attr.t for node in model.graph.node if node.op_type == "Constant" for attr in node.attribute]
    for tensor in tensors:
        yield from _neighbours(list(tensor.dims))
        if tensor.data_type == onnx.TensorProto.INT64 and 0 < math.prod(tensor.dims) <= MAX_TARGET:
            yield from _neighbours([int(value) for value in np.ravel(numpy_helper.to_array(tensor))])


def _neighbours(numbers: list[int]) -> Iterator[Size]:
    yield from pairwise(numbers)
    products = [first * second for first, second in pairwise(numbers)]
    yield from zip(products[:-2], products[2:], strict=True)
    for number in numbers:
        yield number, number
        root = math.isqrt(max(number, 0))
        if root**2 == number:
            yield root, root
