"""Windows of convolutions and pools: strides, dilations, and padding however it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import onnx

from slsc.passes.graph import attribute
from slsc.passes.lowering.builder import Builder
from slsc.passes.lowering.refusal import refuse

Quad = tuple[int, int, int, int]


@dataclass(frozen=True)
class Window:
    """A window over rows and columns; pads are (top, left, bottom, right)."""

    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    pads: Quad

    @property
    def is_point(self) -> bool:
        """Whether every output depends on its own pixel alone."""
        return (self.kernel, self.strides, self.pads) == ((1, 1), (1, 1), (0, 0, 0, 0))


def window_of(node: onnx.NodeProto, build: Builder, kernel: Sequence[int]) -> Window:
    """The window of a Conv or pool node.

    Raises:
        LoweringRefusal: it is not over two axes, or its padding follows the size of the image.
    """
    if len(kernel) != 2:
        raise refuse(node, f"its window has {len(kernel)} axes")
    strides = tuple(attribute(node, "strides", (1, 1)))
    dilations = tuple(attribute(node, "dilations", (1, 1)))
    extent = [(size - 1) * step for size, step in zip(kernel, dilations, strict=True)]
    pads = _pads(node, build, extent, strides)
    if min(pads) < 0:
        raise refuse(node, f"it has negative padding {pads}")
    return Window((kernel[0], kernel[1]), (strides[0], strides[1]), (dilations[0], dilations[1]), pads)


def _pads(node: onnx.NodeProto, build: Builder, extent: Sequence[int], strides: Sequence[int]) -> Quad:
    auto = attribute(node, "auto_pad", "NOTSET")
    if auto == "VALID":
        return (0, 0, 0, 0)
    if auto == "NOTSET":
        top, left, bottom, right = attribute(node, "pads", (0, 0, 0, 0))
        return (top, left, bottom, right)
    (top, bottom), (left, right) = (_same(node, build, axis, extent[axis], strides[axis], auto) for axis in (0, 1))
    return (top, left, bottom, right)


def _same(node: onnx.NodeProto, build: Builder, axis: int, extent: int, stride: int, auto: str) -> tuple[int, int]:
    """Padding before and after, for as many outputs as there are strides in the image."""
    sides = [shape[2 + axis] for shape in build.facts.shapes(node.input[0])]
    totals = {max(0, (-(-side // stride) - 1) * stride + extent + 1 - side) for side in sides}
    if len(totals) > 1:
        raise refuse(node, f"its padding follows the size of the image (auto_pad {auto})")
    total = totals.pop()
    small, large = total // 2, total - total // 2
    return (small, large) if auto == "SAME_UPPER" else (large, small)
