"""Reshape . Transpose . Reshape -> DepthToSpace."""

from __future__ import annotations

from dataclasses import dataclass

import onnx
from onnx import helper

from slsc.passes.base import Pass, PassContext, PassResult, PreconditionError, copy_of
from slsc.passes.graph import attribute, consumers, drop_unused, label, opset, producers
from slsc.passes.opset import MIN_OPSET
from slsc.passes.shapes import Shapes, concrete_shapes, sample_sizes

ORDERS: dict[tuple[int, ...], str] = {(0, 1, 4, 2, 5, 3): "CRD", (0, 3, 4, 1, 5, 2): "DCR"}
"""Permutation of the six axes -> DepthToSpace mode. CRD splits channels into (C, r, r), DCR into (r, r, C)."""


@dataclass(frozen=True)
class _Match:
    nodes: tuple[onnx.NodeProto, onnx.NodeProto, onnx.NodeProto]
    block: int
    mode: str


class FusePixelShuffle(Pass):
    """Reshape(N, C, r, r, H, W) . Transpose(0, 1, 4, 2, 5, 3) . Reshape(N, C, rH, rW) -> DepthToSpace(r, CRD),
    and (N, r, r, C, H, W) with (0, 3, 4, 1, 5, 2) -> DepthToSpace(r, DCR).

    The shapes are those the nodes really produce, at every size the network can be asked to take, so constant and
    computed Reshape targets match alike. It is done when

    1. the Transpose has one of the two permutations and stands between two Reshapes,
    2. neither tensor between them is used elsewhere or is a graph output, and
    3. the shapes are (N, Cr^2, H, W), the six axes above, and (N, C, rH, rW), at every sampled size.
    """

    name = "fuse-pixel-shuffle"

    def requires(self, model: onnx.ModelProto, context: PassContext) -> None:
        """DepthToSpace can say CRD."""
        if opset(model) < MIN_OPSET:
            raise PreconditionError(f"needs operator set {MIN_OPSET}", why=f"the model has {opset(model)}")

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Fuse every pattern the rules allow; the others stay, with the reason in the report."""
        result = copy_of(model)
        fused: list[str] = []
        refused: list[str] = []
        transposes = [n for n in result.graph.node if n.op_type == "Transpose" and _permutation(n) in ORDERS]
        seen = [concrete_shapes(result, size) for size in sample_sizes(result)] if transposes else []
        for transpose in transposes:
            match = _match(result, transpose, seen)
            if isinstance(match, str):
                refused.append(f"{label(transpose)}: {match}")
            else:
                _fuse(result, match)
                fused.append(label(transpose))
        drop_unused(result)
        return PassResult(result, bool(fused), {"fused": fused, "refused": refused})


def _permutation(node: onnx.NodeProto) -> tuple[int, ...]:
    return tuple(attribute(node, "perm", ()))


def _match(model: onnx.ModelProto, transpose: onnx.NodeProto, seen: list[Shapes]) -> _Match | str:
    """The pattern around `transpose`, or why it is none."""
    first = producers(model).get(transpose.input[0])
    users = consumers(model)
    if first is None or first.op_type != "Reshape":
        return "no Reshape comes before it"  # rule 1
    after = users[transpose.output[0]]
    if len(after) != 1 or after[0].op_type != "Reshape":
        return "it is not followed by one Reshape alone"  # rules 1, 2
    outputs = {value.name for value in model.graph.output}
    if len(users[first.output[0]]) != 1 or outputs & {first.output[0], transpose.output[0]}:
        return "a tensor in between is used elsewhere"  # rule 2
    mode = ORDERS[_permutation(transpose)]
    names = (first.input[0], first.output[0], after[0].output[0])
    blocks = {_block(mode, *(shapes.of[name] for name in names)) for shapes in seen}
    if len(blocks) != 1 or None in blocks:
        return f"the shapes around it are no pixel shuffle: {[seen[0].of[name] for name in names]}"  # rule 3
    return _Match((first, transpose, after[0]), blocks.pop() or 1, mode)


def _block(mode: str, start: tuple[int, ...], middle: tuple[int, ...], end: tuple[int, ...]) -> int | None:
    """The block size r if the three shapes are those of a pixel shuffle."""
    if len(start) != 4 or len(middle) != 6:
        return None
    r = middle[2]
    batch, channels, height, width = start
    kept = channels // (r * r)
    six = (batch, kept, r, r, height, width) if mode == "CRD" else (batch, r, r, kept, height, width)
    fits = kept * r * r == channels and middle == six and end == (batch, kept, r * height, r * width)
    return r if fits else None


def _fuse(model: onnx.ModelProto, match: _Match) -> None:
    first, transpose, last = match.nodes
    node = helper.make_node(
        "DepthToSpace", [first.input[0]], [last.output[0]], transpose.name, blocksize=match.block, mode=match.mode
    )
    model.graph.node.insert(list(model.graph.node).index(last), node)
    for old in match.nodes:
        model.graph.node.remove(old)
