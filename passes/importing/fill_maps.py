"""Maps of one value over the image, such as a noise level, made of the image instead of its size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from slsc.errors import ModelError
from slsc.passes import verify
from slsc.passes.analysis.shapes import sample_sizes
from slsc.passes.base import Pass, PassContext, PassResult, copy_of
from slsc.passes.graph import (
    attribute,
    constant_tensors,
    drop_unused,
    image_channels,
    image_dependent,
    image_input,
    label,
    set_initializer,
)

CHANNEL_AXIS = 1
SIZES = 2
"""Sizes at which a map is looked at."""


class FillMaps(Pass):
    """Concat(features, Expand(level, size of features)) -> Concat(features, 0 * features + level).

    Filling a tensor of a computed size takes operators that few backends have; sums and products all of them have.

    1. An input of a Concat over channels that depends on the image's size alone is looked at, at up to two sizes the
       network accepts.
    2. It is replaced where each of its channels has one value everywhere, the same at all sizes: by a channel of
       another of the Concat's inputs times 0, plus that value.
    """

    name = "fill-maps"

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply the rules to every Concat."""
        found = _maps(model)
        if not found:
            return PassResult(model, False, {"filled": []})
        values = _values(model, sorted({name for _, name in found}))
        result, filled = copy_of(model), []
        moving = image_dependent(model)
        for place, name in found:
            if name not in values:
                continue
            node = next(each for each in result.graph.node if list(each.output) == [place])
            source = next(each for each in node.input if each in moving)
            _fill(result, node, name, source, values[name])
            filled.append(label(node))
        drop_unused(result)
        return PassResult(result if filled else model, bool(filled), {"filled": filled})


def _maps(model: onnx.ModelProto) -> list[tuple[str, str]]:
    """Rule 1: (output of the Concat, input of it)."""
    moving, constant = image_dependent(model), constant_tensors(model)
    return [
        (node.output[0], name)
        for node in model.graph.node
        if node.op_type == "Concat" and attribute(node, "axis") in (CHANNEL_AXIS, -3) and moving & set(node.input)
        for name in dict.fromkeys(node.input)
        if name not in moving and name not in constant
    ]


def _values(model: onnx.ModelProto, names: Sequence[str]) -> dict[str, npt.NDArray[np.float32]]:
    """Value of each channel of the tensors that are maps of one value."""
    shown = copy_of(model)
    del shown.graph.value_info[:]
    shown.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    try:
        running, image = verify.session(shown), image_input(model)[0]
    except ModelError:  # whatever ONNX Runtime has against these outputs, the network is as good without the pass
        return {}
    found: dict[str, npt.NDArray[np.float32]] = {}
    for index, size in enumerate(sample_sizes(model)[:SIZES]):
        feed = np.zeros((1, image_channels(model), *size), np.float32)
        made = dict(zip(names, running.run(list(names), {image: feed}), strict=True))
        for name, array in made.items():
            level = _level(array)
            if level is None or (index and not np.array_equal(level, found.get(name, np.nan))):
                found.pop(name, None)
            elif not index:
                found[name] = level
    return found


def _level(array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32] | None:
    if array.ndim != 4 or array.dtype not in (np.float32, np.float16) or not array.size:
        return None
    level = array[:1, :, :1, :1]
    return level if np.array_equal(array, np.broadcast_to(level, array.shape)) else None


def _fill(model: onnx.ModelProto, node: onnx.NodeProto, name: str, source: str, level: npt.NDArray[np.float32]) -> None:
    """Rule 2."""
    fresh = f"{node.output[0]}.{name}"
    bounds = {"from": [0], "to": [1], "axis": [CHANNEL_AXIS]}
    for what, bound in bounds.items():
        set_initializer(model, f"{fresh}.{what}", np.array(bound, np.int64))
    set_initializer(model, f"{fresh}.zero", np.zeros((1, 1, 1, 1), level.dtype))
    set_initializer(model, f"{fresh}.level", level)
    nodes = [
        helper.make_node("Slice", [source, *(f"{fresh}.{what}" for what in bounds)], [f"{fresh}.first"], fresh),
        helper.make_node("Mul", [f"{fresh}.first", f"{fresh}.zero"], [f"{fresh}.blank"], f"{fresh}.blank"),
        helper.make_node("Add", [f"{fresh}.blank", f"{fresh}.level"], [fresh], f"{fresh}.map"),
    ]
    node.input[:] = [fresh if each == name else each for each in node.input]
    place = list(model.graph.node).index(node)
    for each in reversed(nodes):
        model.graph.node.insert(place, each)
