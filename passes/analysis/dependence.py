"""How far back each operator looks: which input elements a range of output elements depends on, along one axis.

Ranges are of element indices on an unbounded grid, so borders play no part. The rules are exact for operators that
treat every position alike; where positions depend on the size of the image the range covers every size, and the
operator is reported as the reason why tiles cannot equal the whole image.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import onnx

from slsc.passes.analysis.shapes import Shapes
from slsc.passes.graph import attribute, label

Range = tuple[int, int]

# fmt: off
POINTWISE = frozenset((
    "Abs", "Add", "And", "BatchNormalization", "Cast", "Ceil", "Clip", "Cos", "DequantizeLinear", "Div", "Dropout",
    "Elu", "Equal", "Erf", "Exp", "Floor", "Gelu", "Greater", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu",
    "Less", "Log", "Max", "Mean", "Min", "Mish", "Mod", "Mul", "Neg", "Not", "Or", "PRelu", "Pow", "QuantizeLinear",
    "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Sin", "Softplus", "Softsign", "Sqrt", "Sub", "Sum",
    "Tanh", "ThresholdedRelu", "Where",
))
# fmt: on
ALONG_CHANNELS = frozenset({"Concat", "Split", "Gather", "Softmax", "LogSoftmax", "LpNormalization"})
"""Pointwise in space as long as their axis is not a spatial one."""


@dataclass(frozen=True)
class Scene:
    """Exact shapes at several image sizes, the smallest first, and each tensor's step.

    Attributes:
        sizes: shapes at each of the sampled sizes.
        steps: image pixels per element along each of the two spatial axes, for tensors that grow with the image.
        moving: every tensor that depends on the image's content.
    """

    sizes: tuple[Shapes, ...]
    steps: dict[str, tuple[Fraction, Fraction]]
    moving: frozenset[str]

    def constant(self, name: str) -> np.ndarray | None:
        """A tensor's value if it is known and the same at every size, else None."""
        values = [shapes.values.get(name) for shapes in self.sizes]
        first = values[0]
        if first is None or not all(value is not None and np.array_equal(value, first) for value in values):
            return None
        return first


class NotLocalError(Exception):
    """The operator depends on positions without bound; the message says why."""


def input_range(node: onnx.NodeProto, axis: int, span: Range, scene: Scene) -> tuple[Range, str]:
    """The input elements that the output elements `span` of `node` depend on, along spatial `axis` (0 rows, 1 columns).

    Returns:
        The range, and why the operator is not shift-invariant, empty when it is.

    Raises:
        NotLocalError: the operator is not known to be local.
    """
    if node.op_type in POINTWISE:
        return span, ""
    if node.op_type in ALONG_CHANNELS:
        return _along_channels(node, span)
    rule = RULES.get(node.op_type)
    if rule is None:
        raise NotLocalError(f"{label(node)} is not known to look at a bounded neighbourhood")
    return rule(node, axis, span, scene)


def _along_channels(node: onnx.NodeProto, span: Range) -> tuple[Range, str]:
    default = {"Concat": 1, "Split": 0, "Gather": 0}.get(node.op_type, -1)
    if attribute(node, "axis", default) in (0, 1, -3, -4):
        return span, ""
    raise NotLocalError(f"{label(node)} works along the rows or columns")


def _window(node: onnx.NodeProto, axis: int, span: Range, scene: Scene) -> tuple[Range, str]:
    """Conv and pooling: output i reads i*stride - pad .. i*stride - pad + (kernel - 1)*dilation."""
    kernel, stride, dilation = _kernel(node, axis, scene), _at(node, "strides", axis), _at(node, "dilations", axis)
    extent = (kernel - 1) * dilation
    pad, reason = attribute(node, "pads", [0] * 4)[axis], ""
    auto = attribute(node, "auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        pad = (extent + (auto == "SAME_LOWER")) // 2
        if stride > 1:  # the padding then depends on the size, by up to stride - 1 elements in all
            reason = f"{label(node)} pads by the size of the image (auto_pad {auto})"
            return (span[0] * stride - pad, span[1] * stride - pad + extent + stride - 1), reason
    elif auto == "VALID":
        pad = 0
    return (span[0] * stride - pad, span[1] * stride - pad + extent), reason


def _transposed(node: onnx.NodeProto, axis: int, span: Range, scene: Scene) -> tuple[Range, str]:
    """ConvTranspose: input i reaches outputs i*stride - pad .. i*stride - pad + (kernel - 1)*dilation."""
    if attribute(node, "auto_pad", "NOTSET") != "NOTSET" or attribute(node, "output_shape"):
        raise NotLocalError(f"{label(node)} pads by the size of the image")
    stride, pad = _at(node, "strides", axis), attribute(node, "pads", [0] * 4)[axis]
    extent = (_kernel(node, axis, scene) - 1) * _at(node, "dilations", axis)
    return (-((extent - span[0] - pad) // stride), (span[1] + pad) // stride), ""


def _depth_to_space(node: onnx.NodeProto, axis: int, span: Range, scene: Scene) -> tuple[Range, str]:
    block = attribute(node, "blocksize")
    return (span[0] // block, span[1] // block), ""


def _space_to_depth(node: onnx.NodeProto, axis: int, span: Range, scene: Scene) -> tuple[Range, str]:
    block = attribute(node, "blocksize")
    return (span[0] * block, span[1] * block + block - 1), ""


def _pad(node: onnx.NodeProto, axis: int, span: Range, scene: Scene) -> tuple[Range, str]:
    if attribute(node, "mode", "constant") == "wrap":
        raise NotLocalError(f"{label(node)} wraps around the image")
    if len(node.input) > 3 and node.input[3]:
        raise NotLocalError(f"{label(node)} pads chosen axes, which is not followed")
    before = []
    for shapes in scene.sizes:
        pads = attribute(node, "pads") or shapes.values.get(node.input[1])
        if pads is None:
            raise NotLocalError(f"{label(node)} pads by amounts that depend on the image")
        before.append(int(pads[2 + axis]))
    reason = f"{label(node)} pads by the size of the image" if len(set(before)) > 1 else ""
    return (span[0] - max(before), span[1] - min(before)), reason


def _slice(node: onnx.NodeProto, axis: int, span: Range, scene: Scene) -> tuple[Range, str]:
    """Output i is element start + i*step, as long as the start is counted from the beginning."""
    count = len(node.input)
    starts = scene.constant(node.input[1]) if count > 1 else attribute(node, "starts")
    axes = scene.constant(node.input[3]) if count > 3 and node.input[3] else attribute(node, "axes")
    steps = scene.constant(node.input[4]) if count > 4 and node.input[4] else None
    if starts is None:
        raise NotLocalError(f"{label(node)} starts where the size of the image says")
    for index, which in enumerate(range(len(starts)) if axes is None else axes):
        if int(which) % 4 != 2 + axis:
            continue
        start, step = int(starts[index]), 1 if steps is None else int(steps[index])
        if start < 0 or step < 0:
            raise NotLocalError(f"{label(node)} counts from the far side of the image")
        return (start + span[0] * step, start + span[1] * step), ""
    return span, ""


def _reduce(node: onnx.NodeProto, axis: int, span: Range, scene: Scene) -> tuple[Range, str]:
    axes = attribute(node, "axes")
    if axes is None and len(node.input) > 1 and node.input[1]:
        axes = scene.constant(node.input[1])
    if axes is None or any(int(which) % 4 >= 2 for which in axes) or not attribute(node, "keepdims", 1):
        raise NotLocalError(f"{label(node)} looks at the whole image")
    return span, ""


def _whole_image(node: onnx.NodeProto, axis: int, span: Range, scene: Scene) -> tuple[Range, str]:
    raise NotLocalError(f"{label(node)} looks at the whole image")


def _resize(node: onnx.NodeProto, axis: int, span: Range, scene: Scene) -> tuple[Range, str]:
    """Output o reads around x = (o + 1/2) * ratio - 1/2, plus a drift where the ratio follows the size of the image."""
    ratio = scene.steps[node.output[0]][axis] / scene.steps[node.input[0]][axis]
    where = attribute(node, "coordinate_transformation_mode", "half_pixel")
    if node.op_type == "Upsample":
        where = "asymmetric"
    if where not in ("half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners", "half_pixel_symmetric"):
        raise NotLocalError(f"{label(node)} uses coordinates {where!r}")
    drift = max(abs(n_in - n_out * ratio) for n_in, n_out in _sizes(node, axis, scene))
    reason = f"{label(node)} takes its size from another tensor: its sampling grid moves with the tile" if drift else ""
    if where == "align_corners" and ratio != 1:
        drift += abs(1 - ratio)
        reason = f"{label(node)} aligns corners: its sampling grid moves with the tile"
    shift = Fraction(0) if where in ("asymmetric", "align_corners") else (ratio - 1) / 2
    low, high = span[0] * ratio + shift - drift, span[1] * ratio + shift + drift
    return _taps(node, low, high, ratio), reason


def _taps(node: onnx.NodeProto, low: Fraction, high: Fraction, ratio: Fraction) -> Range:
    """Elements read for coordinates from `low` to `high`, by interpolation mode."""
    mode = attribute(node, "mode", "nearest")
    if mode == "nearest":
        default = "floor" if node.op_type == "Upsample" else "round_prefer_floor"
        rounded = ROUNDING[attribute(node, "nearest_mode", default)]
        return rounded(low), rounded(high)
    widen = ratio if attribute(node, "antialias", 0) and ratio > 1 else Fraction(1)
    if mode == "linear":
        return math.ceil(low - widen), math.floor(high + widen)
    return math.floor(low - 2 * widen), math.ceil(high + 2 * widen)


def _sizes(node: onnx.NodeProto, axis: int, scene: Scene) -> list[tuple[int, int]]:
    """(input, output) extent at every sampled size; given scales hold exactly, whatever rounding makes of the size."""
    scales = scene.constant(node.input[2]) if len(node.input) > 2 and node.input[2] else None
    if node.op_type == "Upsample" or (scales is not None and scales.size):
        return [(0, 0)]
    return [(shapes.of[node.input[0]][2 + axis], shapes.of[node.output[0]][2 + axis]) for shapes in scene.sizes]


def _kernel(node: onnx.NodeProto, axis: int, scene: Scene) -> int:
    kernel = attribute(node, "kernel_shape")
    return int(kernel[axis]) if kernel else scene.sizes[0].of[node.input[1]][2 + axis]


def _at(node: onnx.NodeProto, name: str, axis: int) -> int:
    return int(attribute(node, name, [1, 1])[axis])


ROUNDING: dict[str, Callable[[Fraction], int]] = {
    "floor": math.floor,
    "ceil": math.ceil,
    "round_prefer_floor": lambda x: math.ceil(x - Fraction(1, 2)),
    "round_prefer_ceil": lambda x: math.floor(x + Fraction(1, 2)),
}

Rule = Callable[[onnx.NodeProto, int, Range, Scene], tuple[Range, str]]

RULES: dict[str, Rule] = {
    **dict.fromkeys(("Conv", "MaxPool", "AveragePool", "LpPool"), _window),
    **dict.fromkeys(("Resize", "Upsample"), _resize),
    **dict.fromkeys(("ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceL2"), _reduce),
    **dict.fromkeys(
        ("GlobalAveragePool", "GlobalMaxPool", "InstanceNormalization", "GroupNormalization"), _whole_image
    ),
    "ConvTranspose": _transposed,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "Pad": _pad,
    "Slice": _slice,
}
