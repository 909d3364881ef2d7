"""The receptive field of a whole graph: how far tiles must overlap so that they equal the whole image."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from fractions import Fraction

import onnx

from slsc.errors import ModelError
from slsc.passes.analysis.dependence import NotLocalError, Range, Scene, input_range
from slsc.passes.analysis.shapes import concrete_shapes
from slsc.passes.analysis.sizes import tie
from slsc.passes.graph import fixed_hw, image_dependent, image_input, label

PERIOD = 20160
"""Sides at which shapes are sampled are this, twice this, and a little more: a multiple of every stride product up to
10 and of 2^6. Nothing is run at that size."""

MAX_REMAINDERS = 32
"""Sizes sampled for what rounding makes of them: all remainders of the alignment, at most this many."""

MAX_ALIGN = 1024
"""Larger alignments would make tiles as large as images."""


@dataclass(frozen=True)
class ReceptiveField:
    """How output pixels depend on input pixels.

    Attributes:
        radius: an output pixel depends on no input pixel further away than this, in rows or columns; None if unbounded.
        local_radius: the same, leaving out the branches that look at the whole image.
        align: origins of tiles must be multiples of this, so that strides fall on the same pixels.
        exact: whether tiles that overlap by `radius`, at aligned origins, equal the whole image.
        reason: why not, naming the node; empty when exact.
    """

    radius: int | None
    local_radius: int
    align: int
    exact: bool
    reason: str


def receptive_field(model: onnx.ModelProto) -> ReceptiveField:
    """Analyse a graph whose pixel shuffles are DepthToSpace nodes (`slsc.passes.importing.pixel_shuffle`).

    The range of input pixels is followed back through the graph for every output pixel of one period of the strides,
    with integer arithmetic, so the radius is exact for convolutions, pooling, pixel shuffles and nearest or linear
    resizing by a fixed factor.
    """
    size = fixed_hw(model)
    if size is not None:
        node = tie(model, size)
        reason = f"the network is fixed to {size[0]}x{size[1]} pixels{f' by {node}' if node else ''}"
        return ReceptiveField(None, max(size), 1, False, reason)
    try:
        scene = _scene(model)
    except ModelError as error:
        return ReceptiveField(None, 0, 1, False, f"sizes cannot be followed: {error}")
    _, output = image_input(model)
    if output not in scene.steps:
        return ReceptiveField(None, 0, 1, False, "the output does not grow with the input")
    align = _align(scene.steps)
    if align > MAX_ALIGN:
        return ReceptiveField(None, 0, 1, False, f"the strides only meet every {align} pixels")
    reasons: list[str] = []
    bounded, radius = True, 0
    for axis in (0, 1):
        scale = 1 / scene.steps[output][axis]
        for phase in range(align):
            span = math.floor(phase * scale), math.ceil((phase + 1) * scale) - 1
            (low, high), whole = _follow(model, scene, axis, span, reasons)
            radius = max(radius, phase - low, high - phase)
            bounded = bounded and not whole
    return ReceptiveField(radius if bounded else None, radius, align, not reasons, reasons[0] if reasons else "")


def _follow(model: onnx.ModelProto, scene: Scene, axis: int, span: Range, reasons: list[str]) -> tuple[Range, bool]:
    """Follow a range of output elements back to the image; also tells whether a branch looks at the whole image."""
    image, output = image_input(model)
    needed: dict[str, Range] = {output: span}
    whole = False
    for node in reversed(model.graph.node):
        wanted = [needed[name] for name in node.output if name in needed]
        if not wanted:
            continue
        union = (min(low for low, _ in wanted), max(high for _, high in wanted))
        for name in scene.moving.intersection(node.input):
            try:
                part, reason = _range_of(node, name, axis, union, scene)
            except NotLocalError as error:
                reason, whole = str(error), True
            else:
                low, high = needed.get(name, part)
                needed[name] = (min(low, part[0]), max(high, part[1]))
            if reason and reason not in reasons:
                reasons.append(reason)
    return needed.get(image, span), whole


def _range_of(node: onnx.NodeProto, name: str, axis: int, union: Range, scene: Scene) -> tuple[Range, str]:
    """The elements of input `name` that `union` depends on; a tensor without positions has the range (0, 0)."""
    if name in scene.steps:
        if not scene.steps.keys() & set(node.output):
            raise NotLocalError(f"{label(node)} looks at the whole image")
        return input_range(node, axis, union, scene)
    if scene.sizes[0].of[name] != scene.sizes[-1].of[name]:
        raise NotLocalError(f"{label(node)} rearranges the positions of the image")
    return (0, 0), ""


def _scene(model: onnx.ModelProto) -> Scene:
    small, big = concrete_shapes(model, (PERIOD, PERIOD)), concrete_shapes(model, (2 * PERIOD, 2 * PERIOD))
    moving = image_dependent(model)
    steps = {}
    for name in moving:
        before, after = small.of[name], big.of[name]
        if len(before) == 4 and after[2] > before[2] and after[3] > before[3]:
            steps[name] = (Fraction(PERIOD, after[2] - before[2]), Fraction(PERIOD, after[3] - before[3]))
    sizes = [small]
    align = _align(steps)
    for extra in range(1, min(align, MAX_REMAINDERS)):  # sizes the network refuses are no reason against tiles
        with contextlib.suppress(ModelError):
            sizes.append(concrete_shapes(model, (PERIOD + extra, PERIOD + extra)))
    return Scene((*sizes, big), steps, moving)


def _align(steps: dict[str, tuple[Fraction, Fraction]]) -> int:
    """The multiple of pixels at which all strides fall on the same pixels."""
    return math.lcm(*(step.numerator for pair in steps.values() for step in pair))
