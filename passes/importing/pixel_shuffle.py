"""Pixel shuffles in every spelling -> DepthToSpace and SpaceToDepth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from slsc.passes.analysis.evaluate import evaluate
from slsc.passes.analysis.shapes import Shapes, concrete_shapes, sample_sizes
from slsc.passes.base import Pass, PassContext, PassResult, PreconditionError, copy_of
from slsc.passes.graph import consumers, drop_unused, label, opset, producers, set_initializer
from slsc.passes.importing.opset import MIN_OPSET

REARRANGING = frozenset({"Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten"})
"""Operators that move values about without changing any."""

MAX_NUMBERS = 1 << 26
"""Larger tensors, of networks fixed to a very large image, are not followed."""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class _Shuffle:
    """`kind` is CRD or DCR (DepthToSpace), or the same with `back-` before it (SpaceToDepth)."""

    kind: str
    block: int


class FusePixelShuffle(Pass):
    """Reshape . Transpose . Reshape and longer spellings -> one DepthToSpace or SpaceToDepth.

    1. A chain is a run of Reshape, Transpose, Squeeze, Unsqueeze and Flatten nodes from an (N, C, H, W) tensor to
       another, with nothing else using a tensor in between.
    2. It is replaced if it moves every value where DepthToSpace would, in mode CRD (torch's pixel shuffle) or DCR, or
       where SpaceToDepth would. This is found by sending the numbers 0, 1, 2 ... through the chain, at up to two sizes
       the network accepts, so constant and computed Reshape targets are treated alike.
    3. SpaceToDepth puts the position in the block before the channel; torch's pixel unshuffle after it. That becomes
       SpaceToDepth and a Gather that reorders the channels.
    """

    name = "fuse-pixel-shuffle"

    def requires(self, model: onnx.ModelProto, context: PassContext) -> None:
        """DepthToSpace can say CRD."""
        if opset(model) < MIN_OPSET:
            raise PreconditionError(f"needs operator set {MIN_OPSET}", why=f"the model has {opset(model)}")

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Fuse every chain that is a pixel shuffle; chains with a Transpose that are none are told in the report."""
        result = copy_of(model)
        fused: list[str] = []
        refused: list[str] = []
        chains = [chain for chain in _chains(result) if any(node.op_type == "Transpose" for node in chain)]
        seen = [concrete_shapes(result, size) for size in sample_sizes(result)[:2]] if chains else []
        for chain in chains:
            found = {_recognise(result, chain, shapes) for shapes in seen}
            shuffle = found.pop() if len(found) == 1 else None
            if shuffle is None:
                refused.append(f"{label(chain[0])}: the chain up to {label(chain[-1])} is no pixel shuffle")
            else:
                fused.append(f"{label(chain[0])}: {shuffle.kind} by {shuffle.block}")
                _replace(result, chain, shuffle, seen[0].of[chain[0].input[0]][1])
        drop_unused(result)
        return PassResult(result, bool(fused), {"fused": fused, "refused": refused})


def _chains(model: onnx.ModelProto) -> list[list[onnx.NodeProto]]:
    """Rule 1: the longest runs, each in the order of the graph."""
    users, makers = consumers(model), producers(model)
    outputs = {value.name for value in model.graph.output}

    def goes_on(name: str) -> bool:
        after = users[name]
        return len(after) == 1 and after[0].op_type in REARRANGING and after[0].input[0] == name and name not in outputs

    chains = []
    for node in model.graph.node:
        if node.op_type not in REARRANGING or goes_on(node.output[0]):
            continue
        chain = [node]
        while (before := makers.get(chain[0].input[0])) and before.op_type in REARRANGING and goes_on(before.output[0]):
            chain.insert(0, before)
        chains.append(chain)
    return chains


def _recognise(model: onnx.ModelProto, chain: list[onnx.NodeProto], shapes: Shapes) -> _Shuffle | None:
    """Rule 2."""
    start, end = shapes.of[chain[0].input[0]], shapes.of[chain[-1].output[0]]
    if len(start) != 4 or len(end) != 4 or 0 in (*start, *end) or math.prod(start) > MAX_NUMBERS:
        return None
    larger = max(start[2], end[2])
    block = larger // min(start[2], end[2])
    if block < 2:
        return None
    numbers = np.arange(math.prod(start), dtype=np.int32).reshape(start)
    moved = _run(model, chain, numbers, shapes)
    if moved is None:
        return None
    forth = end[2] == larger
    deep, wide = (numbers, moved) if forth else (moved, numbers)
    if deep.shape[1] != wide.shape[1] * block**2:
        return None
    for order in ("CRD", "DCR"):
        if np.array_equal(wide, _spread(deep, block, order)):
            return _Shuffle(order if forth else f"back-{order}", block)
    return None


def _run(model: onnx.ModelProto, chain: list[onnx.NodeProto], numbers: Array, shapes: Shapes) -> Array | None:
    """The chain's output for an input, None where it cannot be told: a shape depends on the image's content, say."""
    for node in chain:
        rest = [name for name in node.input[1:] if name]
        if any(name not in shapes.values for name in rest):
            return None
        feeds = {node.input[0]: numbers, **{name: shapes.values[name] for name in rest}}
        try:
            numbers = evaluate(node, model.opset_import, feeds)[node.output[0]]
        except Exception:  # whatever numpy and the reference operators raise; the chain is left as it is
            return None
    return numbers


def _spread(channels: Array, block: int, order: str) -> Array:
    """DepthToSpace as ONNX defines it."""
    batch, deep, height, width = channels.shape
    kept = deep // block**2
    if order == "CRD":
        six = channels.reshape(batch, kept, block, block, height, width).transpose(0, 1, 4, 2, 5, 3)
    else:
        six = channels.reshape(batch, block, block, kept, height, width).transpose(0, 3, 4, 1, 5, 2)
    return six.reshape(batch, kept, height * block, width * block)


def _replace(model: onnx.ModelProto, chain: list[onnx.NodeProto], shuffle: _Shuffle, channels: int) -> None:
    source, output, name = chain[0].input[0], chain[-1].output[0], chain[0].name
    if shuffle.kind in ("CRD", "DCR"):
        nodes = [helper.make_node("DepthToSpace", [source], [output], name, blocksize=shuffle.block, mode=shuffle.kind)]
    elif shuffle.kind == "back-DCR" or channels == 1:
        nodes = [helper.make_node("SpaceToDepth", [source], [output], name, blocksize=shuffle.block)]
    else:  # rule 3
        blocks, order = f"{output}.blocks", f"{output}.order"
        set_initializer(model, order, np.arange(channels * shuffle.block**2).reshape(-1, channels).T.reshape(-1))
        nodes = [
            helper.make_node("SpaceToDepth", [source], [blocks], name, blocksize=shuffle.block),
            helper.make_node("Gather", [blocks, order], [output], axis=1),
        ]
    place = list(model.graph.node).index(chain[-1])
    for node in reversed(nodes):
        model.graph.node.insert(place, node)
    for old in chain:
        model.graph.node.remove(old)
