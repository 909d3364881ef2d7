"""Pixel shuffles in every spelling -> DepthToSpace and SpaceToDepth, and Transposes in every spelling -> Transpose."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from slsc.passes.analysis.evaluate import evaluate
from slsc.passes.analysis.shapes import Shapes, concrete_shapes, sample_sizes
from slsc.passes.base import Pass, PassContext, PassResult, PreconditionError, copy_of
from slsc.passes.graph import consumers, drop_unused, label, opset, producers, set_initializer
from slsc.passes.importing.identity import RemoveIdentities
from slsc.passes.importing.opset import MIN_OPSET

REARRANGING = frozenset({"Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten"})
"""Operators that move values about without changing any."""

MAX_NUMBERS = 1 << 26
"""Larger tensors, of networks fixed to a very large image, are not followed."""

Array = npt.NDArray[Any]


Perm = tuple[int, ...]

LAYOUTS: tuple[Perm, ...] = ((0, 1, 2, 3), (0, 2, 3, 1))
"""A tensor's axes may be N,C,H,W or N,H,W,C: these permutations of N,C,H,W."""


@dataclass(frozen=True)
class _Shuffle:
    """What a chain does.

    Attributes:
        kind: CRD or DCR (DepthToSpace), the same with `back-` before it (SpaceToDepth), or nothing at all (empty).
        block: of the shuffle.
        before, after: layouts of what goes in and what comes out, of `LAYOUTS`.
    """

    kind: str
    block: int
    before: Perm
    after: Perm

    def __str__(self) -> str:
        return f"{self.kind} by {self.block}" if self.kind else "a Transpose"


class FusePixelShuffle(Pass):
    """Reshape . Transpose . Reshape and longer spellings -> one DepthToSpace or SpaceToDepth.

    1. A chain is a run of Reshape, Transpose, Squeeze, Unsqueeze and Flatten nodes from an image to another, with
       nothing else using a tensor in between. Each may be laid out N, C, H, W or N, H, W, C.
    2. It is replaced if it moves every value where DepthToSpace would, in mode CRD (torch's pixel shuffle) or DCR, or
       where SpaceToDepth would. This is found by sending the numbers 0, 1, 2 ... through the chain, at up to two sizes
       the network accepts, so constant and computed Reshape targets are treated alike.
    3. SpaceToDepth puts the position in the block before the channel; torch's pixel unshuffle after it. That becomes
       SpaceToDepth and a Gather that reorders the channels.
    4. Where channels are last a Transpose stands between. A chain of several nodes, or of a Reshape, that does no more
       than a Transpose becomes one, or an Identity; so exporters write the Transpose of a single channel as Reshape.
    """

    name = "fuse-pixel-shuffle"

    def requires(self, model: onnx.ModelProto, context: PassContext) -> None:
        """DepthToSpace can say CRD."""
        if opset(model) < MIN_OPSET:
            raise PreconditionError(f"needs operator set {MIN_OPSET}", why=f"the model has {opset(model)}")

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Replace every chain that is one of these; those with a Transpose that are none are told in the report."""
        result = copy_of(model)
        fused: list[str] = []
        refused: list[str] = []
        instead: dict[str, list[onnx.NodeProto]] = {}
        chains = [chain for chain in _chains(result) if len(chain) > 1 or chain[0].op_type == "Reshape"]
        seen = [concrete_shapes(result, size) for size in sample_sizes(result)[:2]] if chains else []
        for chain in chains:
            found = {_recognise(result, chain, shapes) for shapes in seen}
            shuffle = found.pop() if len(found) == 1 else None
            if shuffle is not None:
                fused.append(f"{label(chain[0])}: {shuffle}")
                channels = seen[0].of[chain[0].input[0]][shuffle.before.index(1)]
                instead |= {node.output[0]: [] for node in chain}
                instead[chain[-1].output[0]] = _replacement(result, chain, shuffle, channels)
            elif any(node.op_type == "Transpose" for node in chain):
                refused.append(f"{label(chain[0])}: the chain up to {label(chain[-1])} is no pixel shuffle")
        if fused:
            nodes = [each for node in result.graph.node for each in instead.get(node.output[0], [node])]
            nodes = [copy.deepcopy(node) for node in nodes]
            del result.graph.node[:]
            result.graph.node.extend(nodes)
            result = RemoveIdentities().run(result, context).model
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
        while (
            (before := makers.get(chain[-1].input[0])) and before.op_type in REARRANGING and goes_on(before.output[0])
        ):
            chain.append(before)
        chains.append(chain[::-1])
    return chains


def _recognise(model: onnx.ModelProto, chain: list[onnx.NodeProto], shapes: Shapes) -> _Shuffle | None:
    """Rule 2."""
    start, end = shapes.of[chain[0].input[0]], shapes.of[chain[-1].output[0]]
    if len(start) != 4 or len(end) != 4 or 0 in (*start, *end) or math.prod(start) > MAX_NUMBERS:
        return None
    numbers = np.arange(math.prod(start), dtype=np.int32).reshape(start)
    moved = _run(model, chain, numbers, shapes)
    if moved is None:
        return None
    for before, after in product(LAYOUTS, LAYOUTS):
        ends = numbers.transpose(_inverse(before)), moved.transpose(_inverse(after))
        if np.array_equal(*ends):
            return _Shuffle("", 1, before, after)
        found = _shuffle_of(*ends)
        if found is not None:
            return _Shuffle(*found, before, after)
    return None


def _shuffle_of(start: Array, end: Array) -> tuple[str, int] | None:
    """Kind and block of the shuffle between two N, C, H, W arrays, if it is one."""
    forth = end.shape[2] > start.shape[2]
    deep, wide = (start, end) if forth else (end, start)
    block = wide.shape[2] // deep.shape[2]
    if block < 2 or deep.shape[1] != wide.shape[1] * block**2 or deep.size != wide.size:
        return None
    for order in ("CRD", "DCR"):
        if np.array_equal(wide, _spread(deep, block, order)):
            return (order if forth else f"back-{order}"), block
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


def _replacement(
    model: onnx.ModelProto, chain: list[onnx.NodeProto], shuffle: _Shuffle, channels: int
) -> list[onnx.NodeProto]:
    """The nodes that do what a chain does."""
    source, output, name = chain[0].input[0], chain[-1].output[0], chain[0].name
    back, first = _inverse(shuffle.before), f"{output}.channels_first"
    if not shuffle.kind:
        perm = tuple(back[place] for place in shuffle.after)
        return [_transpose(source, output, name, perm)]
    nodes = []
    if shuffle.before != LAYOUTS[0]:
        nodes.append(_transpose(source, f"{first}.in", f"{name}.in", back))
        source = f"{first}.in"
    last = shuffle.after != LAYOUTS[0]
    nodes += _core(model, source, first if last else output, name, shuffle, channels)
    return [*nodes, _transpose(first, output, f"{name}.out", shuffle.after)] if last else nodes


def _core(
    model: onnx.ModelProto, source: str, output: str, name: str, shuffle: _Shuffle, channels: int
) -> list[onnx.NodeProto]:
    if shuffle.kind in ("CRD", "DCR"):
        return [helper.make_node("DepthToSpace", [source], [output], name, blocksize=shuffle.block, mode=shuffle.kind)]
    if shuffle.kind == "back-DCR" or channels == 1:
        return [helper.make_node("SpaceToDepth", [source], [output], name, blocksize=shuffle.block)]
    blocks, order = f"{output}.blocks", f"{output}.order"  # rule 3
    set_initializer(model, order, np.arange(channels * shuffle.block**2).reshape(-1, channels).T.reshape(-1))
    return [
        helper.make_node("SpaceToDepth", [source], [blocks], name, blocksize=shuffle.block),
        helper.make_node("Gather", [blocks, order], [output], axis=1),
    ]


def _transpose(source: str, output: str, name: str, perm: Perm) -> onnx.NodeProto:
    if perm == LAYOUTS[0]:
        return helper.make_node("Identity", [source], [output], name)
    return helper.make_node("Transpose", [source], [output], name, perm=perm)


def _inverse(perm: Perm) -> Perm:
    return tuple(perm.index(place) for place in range(len(perm)))
