"""How much computing one run of a graph is, from its shapes alone: an upper bound, known before anything runs."""

from __future__ import annotations

import math
from collections.abc import Mapping

import onnx

from slsc.passes.graph import attribute

Shape = tuple[int, ...]


def work(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> int:
    """Scalar operations of a node, a multiply-accumulate counted as one.

    Every value read and made counts at least one. Where a kernel, a matrix product or a sum over indices makes more of
    it, its factors count; what a runtime saves by reordering does not.

    Args:
        node: the node.
        shapes: of every tensor it names.
    """
    read = [shapes[name] for name in node.input if name]
    made = sum(math.prod(shapes[name]) for name in node.output if name)
    return sum(map(math.prod, read)) + made * _factor(node, read)


def _factor(node: onnx.NodeProto, read: list[Shape]) -> int:
    """Operations a value made."""
    if node.op_type == "Conv":
        return math.prod(read[1][1:])
    if node.op_type == "ConvTranspose":
        return math.prod(read[1][:1] + read[1][2:])
    if node.op_type == "MatMul":
        return read[0][-1] if read[0] else 1
    if node.op_type == "Gemm":
        return read[0][0] if attribute(node, "transA", 0) else read[0][-1]
    if node.op_type == "Einsum":
        return _summed(attribute(node, "equation", ""), read)
    kernel = attribute(node, "kernel_shape", None)
    # A window reads no more than there is.
    return min(math.prod(kernel), max(map(math.prod, read), default=1)) if kernel else 1


def _summed(equation: str, read: list[Shape]) -> int:
    """Product of the sizes of the indices that an Einsum's output lacks."""
    terms, arrow, result = equation.replace(" ", "").partition("->")
    if not arrow:
        result = "".join(index for index in terms if terms.count(index) == 1)
    sizes: dict[str, int] = {}
    for term, shape in zip(terms.split(","), read, strict=False):
        front, _, back = term.partition("...")
        sizes |= dict(zip(front, shape, strict=False))
        sizes |= dict(zip(reversed(back), reversed(shape), strict=False))
    return math.prod(size for index, size in sizes.items() if index not in result)
