"""Conv: windows, N:M of its weight, and the case that is no convolution at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx

from slsc.passes.graph import attribute, label
from slsc.passes.lowering.builder import Builder
from slsc.passes.lowering.halves import narrowed
from slsc.passes.lowering.quantizing import integers_of
from slsc.passes.lowering.refusal import refuse
from slsc.passes.lowering.steps import Array, Conv, Sparsity
from slsc.passes.lowering.windows import window_of
from slsc.pattern import rank_groups
from slsc.plan import LayerPlan

Layers = Mapping[str, LayerPlan]


def conv(node: onnx.NodeProto, build: Builder, layers: Layers) -> None:
    """Conv(x, W, b): sparse where the plan has W at N < M. A diagonal 1x1 convolution scales and shifts channels."""
    source, weight, bias = build.find(node, 0), weight_of(node, build), bias_of(node, build)
    groups = int(attribute(node, "group", 1))
    window = window_of(node, build, weight.shape[2:])
    if len(weight) % groups or weight.shape[1] * groups != build.space(source).channels:
        raise refuse(node, f"a weight of {list(weight.shape)} in {groups} groups does not fit its input")
    if build.space(source).pixel and not window.is_point:
        raise refuse(node, "it has a window over a tensor of one pixel")
    diagonal = _diagonal(weight, groups) if window.is_point else None
    if diagonal is not None:
        build.unary(node, source, scale=diagonal, shift=bias)
        return
    source, integers = integers_of(node, build, source)
    half = narrowed(node, build, source, len(weight)) if integers is None else None
    build.add(
        Conv(
            label=label(node),
            inputs=(half or source,),
            output=node.output[0],
            weight=weight,
            bias=bias,
            strides=window.strides,
            pads=window.pads,
            dilations=window.dilations,
            groups=groups,
            sparsity=sparsity_of(weight, layers.get(build.facts.weight_name(node.input[1]))),
            integers=integers,
            half=half is not None,
        )
    )


def weight_of(node: onnx.NodeProto, build: Builder) -> Array:
    """The constant weight of a convolution over two axes, float32."""
    weight = build.facts.constant(node.input[1])
    if weight is None:
        raise refuse(node, f"its weight {node.input[1]!r} is computed")
    if weight.ndim != 4:
        raise refuse(node, f"its weight has {weight.ndim} axes; only convolutions over height and width are known")
    return weight.astype(np.float32)


def bias_of(node: onnx.NodeProto, build: Builder) -> Array | None:
    """The constant bias of a convolution, float32."""
    if len(node.input) < 3 or not node.input[2]:
        return None
    bias = build.facts.constant(node.input[2])
    if bias is None:
        raise refuse(node, f"its bias {node.input[2]!r} is computed")
    return bias.astype(np.float32).reshape(-1)


def sparsity_of(weight: Array, planned: LayerPlan | None) -> Sparsity | None:
    """Ranks of a planned weight by magnitude, under the plan's own rule so that every prefix keeps to it."""
    if planned is None or planned.n == planned.m:
        return None
    return Sparsity(planned.n, planned.m, rank_groups(np.abs(weight), planned.m, planned.rule))


def _diagonal(weight: Array, groups: int) -> Array | None:
    """The factors of a 1x1 convolution that only scales channels; None if it does more."""
    kernel: Sequence[int] = weight.shape[2:]
    if tuple(kernel) != (1, 1):
        return None
    matrix = weight[:, :, 0, 0]
    if groups == len(weight) and matrix.shape[1] == 1:
        return matrix[:, 0]
    square = groups == 1 and matrix.shape[0] == matrix.shape[1]
    if square and np.array_equal(matrix, np.diag(np.diag(matrix))):
        return np.diag(matrix).copy()
    return None
