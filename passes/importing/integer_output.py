"""What stands between the numbers a network computes and the integers it gives: rounding, clipping, a Cast."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from slsc.errors import ModelError
from slsc.passes.analysis.types import INTEGERS
from slsc.passes.graph import attribute, consumers, initializers, label, producers

CARRYING = frozenset(("Transpose", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Flatten", "Gather", "Slice"))
ROUNDINGS = {"Round": 0.0, "Floor": -0.5, "Ceil": 0.5}
"""What is added to a number so that rounding to nearest makes of it what the operator does."""

NUDGE = 2.0**-12
"""Keeps whole numbers away from the half they would be moved to; larger than float32's error at 255, 2^-16."""


def absorb_rounding(model: onnx.ModelProto, output: str) -> None:
    """Let an output give the numbers that it is rounded from, moved where rounding to nearest would not do, in place.

    1. Followed back from the output are nodes that move values about, Casts, and Clips to whole bounds, as long as
       nothing else uses what they make.
    2. Round, Floor or Ceil, where one is met, goes; Floor takes half a step off instead, Ceil adds it. The Casts go.
    3. Where none is met, the Cast to integers nearest to the numbers cuts their fraction off, as Floor does from 0 on.

    Raises:
        ModelError: the network also uses its output itself.
    """
    users = consumers(model)
    if users[output]:
        raise ModelError("an integer output is used by the network itself", where=label(users[output][0]))
    chain = _chain(model, producers(model), users, output)
    roundings = [node for node in chain if node.op_type in ROUNDINGS]
    casts = [node for node in chain if node.op_type == "Cast" and attribute(node, "to") in INTEGERS]
    for node in chain:
        if node.op_type == "Clip":
            _with_float_bounds(model, node)
        elif node in roundings:
            _shift(model, node, ROUNDINGS[node.op_type])
        elif node.op_type == "Cast" and casts:
            _shift(model, node, ROUNDINGS["Floor"] if node is casts[-1] and not roundings else 0.0)


def _chain(
    model: onnx.ModelProto, makers: dict[str, onnx.NodeProto], users: dict[str, list[onnx.NodeProto]], output: str
) -> list[onnx.NodeProto]:
    """Rule 1: the nodes from the output back; a rounding ends it."""
    constants, chain = _whole_bounds(model), []
    node = makers.get(output)
    while node is not None:
        if node.op_type not in (*CARRYING, *ROUNDINGS, "Cast") and not _clips_to_whole(node, constants):
            break
        chain.append(node)
        before = node.input[0]
        node = makers.get(before) if len(users[before]) == 1 and node.op_type not in ROUNDINGS else None
    return chain


def _shift(model: onnx.ModelProto, node: onnx.NodeProto, amount: float) -> None:
    """Turn a node into an Identity, or into the addition of an amount."""
    del node.attribute[:]
    if not amount:
        node.op_type = "Identity"
        return
    name = f"{node.output[0]}.half"
    value = np.float32(amount - np.copysign(NUDGE, amount))
    model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    node.op_type = "Add"
    node.input.append(name)


def _whole_bounds(model: onnx.ModelProto) -> dict[str, float]:
    """Initializers of one whole number, by name."""
    single = {tensor.name for tensor in model.graph.initializer if int(np.prod(tensor.dims)) == 1}
    found = {name: float(value.reshape(-1)[0]) for name, value in initializers(model).items() if name in single}
    return {name: value for name, value in found.items() if value.is_integer()}


def _clips_to_whole(node: onnx.NodeProto, constants: dict[str, float]) -> bool:
    if node.op_type != "Clip" or any(name not in constants for name in node.input[1:] if name):
        return False
    return all(float(attr.f).is_integer() for attr in node.attribute if attr.name in ("min", "max"))


def _with_float_bounds(model: onnx.ModelProto, clip: onnx.NodeProto) -> None:
    values = initializers(model)
    for index, name in enumerate(clip.input[1:], start=1):
        if name and values[name].dtype.kind != "f":
            fresh = f"{name}.float"
            if fresh not in values:
                tensor = numpy_helper.from_array(values[name].astype(np.float32), fresh)
                model.graph.initializer.append(tensor)
                values[fresh] = values[name]
            clip.input[index] = fresh
