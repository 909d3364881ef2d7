"""Tensors of one pixel as vectors: Flatten, Reshape and the like, Gemm, MatMul, Expand."""

from __future__ import annotations

import numpy as np
import onnx

from slsc.passes.graph import attribute, label
from slsc.passes.lowering.builder import Builder, Lower
from slsc.passes.lowering.refusal import refuse
from slsc.passes.lowering.steps import Array, Conv


def reshape(node: onnx.NodeProto, build: Builder) -> None:
    """Flatten, Reshape, Squeeze, Unsqueeze: nothing changes, or one pixel per channel turns vector or back."""
    source = build.find(node, 0)
    channels = build.space(source).channels
    before, after = build.facts.shapes(node.input[0]), build.facts.shapes(node.output[0])
    as_vector = all(shape[1] == channels and set(shape[2:]) <= {1} for shape in after)
    if before != after and not (build.space(source).pixel and as_vector):
        raise refuse(node, f"it makes {list(after[0])} of {list(before[0])}")
    build.same(node.output[0], source)


def expand(node: onnx.NodeProto, build: Builder) -> None:
    """Expand of one pixel per channel: whatever uses it spreads it anyway."""
    source = build.find(node, 0)
    shapes = build.facts.shapes(node.output[0])
    if not build.space(source).pixel or any(shape[1] != build.space(source).channels for shape in shapes):
        raise refuse(node, "it repeats more than one pixel per channel")
    build.same(node.output[0], source)


def gemm(node: onnx.NodeProto, build: Builder) -> None:
    """Gemm(x, B, C) of a vector: a 1x1 convolution of one pixel."""
    alpha, beta = attribute(node, "alpha", 1.0), attribute(node, "beta", 1.0)
    if attribute(node, "transA", 0):
        raise refuse(node, "it transposes its input")
    matrix = _constant(node, build, 1)
    bias = _constant(node, build, 2) * beta if len(node.input) > 2 and node.input[2] else None
    _fully_connected(node, build, (matrix if attribute(node, "transB", 0) else matrix.T) * alpha, bias)


def matmul(node: onnx.NodeProto, build: Builder) -> None:
    """MatMul(x, B) of a vector."""
    _fully_connected(node, build, _constant(node, build, 1).T, None)


def _constant(node: onnx.NodeProto, build: Builder, index: int) -> Array:
    value = build.facts.constant(node.input[index])
    if value is None:
        raise refuse(node, f"its input {node.input[index]!r} is computed")
    return value


def _fully_connected(node: onnx.NodeProto, build: Builder, matrix: Array, bias: Array | None) -> None:
    source = build.find(node, 0)
    space = build.space(source)
    if not space.pixel or build.facts.rank(node.input[0]) != 2 or matrix.ndim != 2:
        raise refuse(node, "it multiplies more than one vector with a matrix")
    if bias is not None:
        bias = np.broadcast_to(bias.reshape(-1), len(matrix)).astype(np.float32)
    weight = np.ascontiguousarray(matrix, np.float32)[:, :, None, None]
    build.add(Conv(label=label(node), inputs=(source,), output=node.output[0], weight=weight, bias=bias))


OPERATORS: dict[str, Lower] = {
    **dict.fromkeys(("Flatten", "Reshape", "Squeeze", "Unsqueeze"), reshape),
    "Expand": expand,
    "Gemm": gemm,
    "MatMul": matmul,
}
