"""Resize: by a whole factor, or to the size of another tensor."""

from __future__ import annotations

from enum import IntEnum
from fractions import Fraction
from typing import TypeVar

import onnx

from slsc.passes.graph import attribute, label
from slsc.passes.lowering.builder import Builder, Lower
from slsc.passes.lowering.nmp import Coordinates, ResizeKind, Rounding
from slsc.passes.lowering.refusal import refuse
from slsc.passes.lowering.steps import Resize

KINDS = {"nearest": ResizeKind.NEAREST, "linear": ResizeKind.LINEAR, "cubic": ResizeKind.CUBIC}
COORDINATES = {
    "half_pixel": Coordinates.HALF_PIXEL,
    "pytorch_half_pixel": Coordinates.PYTORCH_HALF_PIXEL,
    "align_corners": Coordinates.ALIGN_CORNERS,
    "asymmetric": Coordinates.ASYMMETRIC,
}
ROUNDING = {
    "round_prefer_floor": Rounding.PREFER_FLOOR,
    "floor": Rounding.FLOOR,
    "ceil": Rounding.CEIL,
    "round_prefer_ceil": Rounding.PREFER_CEIL,
}

Code = TypeVar("Code", bound=IntEnum)


def resize(node: onnx.NodeProto, build: Builder) -> None:
    """Resize(x, roi, scales, sizes)."""
    source, output = build.find(node, 0), node.output[0]
    factor = _factor(node, build)
    _require_plain(node, factor)
    if factor == 1:
        build.same(output, source)
        return
    inputs: tuple[str, ...] = (source,)
    if factor is None:
        inputs = (source, _of_size(node, build))
    elif build.space(source).pixel:
        raise refuse(node, "it enlarges a tensor of one pixel by a factor")
    build.add(
        Resize(
            label=label(node),
            inputs=inputs,
            output=output,
            kind=_code(node, KINDS, "mode", "nearest"),
            coordinates=_code(node, COORDINATES, "coordinate_transformation_mode", "half_pixel"),
            rounding=_code(node, ROUNDING, "nearest_mode", "round_prefer_floor"),
            cubic=attribute(node, "cubic_coeff_a", -0.75),
            factor=factor,
        )
    )


def _code(node: onnx.NodeProto, codes: dict[str, Code], name: str, default: str) -> Code:
    value = attribute(node, name, default)
    if value not in codes:
        raise refuse(node, f"{name} {value!r} is not known")
    return codes[value]


def _require_plain(node: onnx.NodeProto, factor: Fraction | None) -> None:
    if attribute(node, "antialias", 0) and (factor is None or factor < 1):
        raise refuse(node, "it filters against aliasing")
    if attribute(node, "exclude_outside", 0):
        raise refuse(node, "it excludes samples outside the image")
    if attribute(node, "keep_aspect_ratio_policy", "stretch") != "stretch":
        raise refuse(node, "its size depends on the aspect ratio")


def _factor(node: onnx.NodeProto, build: Builder) -> Fraction | None:
    """The one factor of height and width, r or 1/r; None where the size is that of another tensor.

    Raises:
        LoweringRefusal: another factor is written into the graph.
    """
    scales = build.facts.constant(node.input[2]) if len(node.input) > 2 and node.input[2] else None
    if scales is None or not scales.size:
        factors = _measured(node, build)
        return factors.pop() if len(factors) == 1 and _is_whole(next(iter(factors))) else None
    axes = attribute(node, "axes") or range(4)
    named = {
        int(axis) % 4: Fraction(float(scale)).limit_denominator(64) for axis, scale in zip(axes, scales, strict=True)
    }
    factor = named.get(2, Fraction(1))
    exact = all(
        abs(float(named[int(axis) % 4]) - float(scale)) < 1e-6 for axis, scale in zip(axes, scales, strict=True)
    )
    if not exact or named.get(3) != factor or named.get(0, 1) != 1 or named.get(1, 1) != 1 or not _is_whole(factor):
        raise refuse(node, f"scales {[float(scale) for scale in scales]} are not one whole factor up or down")
    return factor


def _is_whole(factor: Fraction) -> bool:
    return 1 in (factor.numerator, factor.denominator)


def _measured(node: onnx.NodeProto, build: Builder) -> set[Fraction]:
    """Output over input, along rows and columns, at every size."""
    pairs = zip(build.facts.hw(node.input[0]), build.facts.hw(node.output[0]), strict=True)
    return {Fraction(large, small) for before, after in pairs for small, large in zip(before, after, strict=True)}


def _of_size(node: onnx.NodeProto, build: Builder) -> str:
    """A tensor that has the output's height and width at every size."""
    if build.facts.channels(node.input[0]) != build.facts.channels(node.output[0]):
        raise refuse(node, "it resizes the channels")
    wanted = build.facts.hw(node.output[0])
    for name, space in build.spaces.items():
        if not space.pixel and build.facts.hw(name) == wanted:
            return name
    raise refuse(node, "its size is neither a whole multiple nor that of another tensor")


OPERATORS: dict[str, Lower] = {"Resize": resize}
