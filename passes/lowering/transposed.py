"""ConvTranspose as a convolution that makes all phases of the output as channels, and a shuffle.

With stride s, output row s q + f is a sum over the kernel rows t for which f + pad - t d is a multiple of s, of input
row q + (f + pad - t d) / s: for each phase f a convolution of stride 1. Those of all phases share one kernel extent.
"""

from __future__ import annotations

import numpy as np
import onnx

from slsc.passes.graph import attribute, label
from slsc.passes.lowering.builder import Builder, Lower
from slsc.passes.lowering.convolution import bias_of, weight_of
from slsc.passes.lowering.nmp import PadKind
from slsc.passes.lowering.refusal import refuse
from slsc.passes.lowering.steps import Array, Conv, Pad


def conv_transpose(node: onnx.NodeProto, build: Builder) -> None:
    """ConvTranspose(x, W, b) -> Conv, DepthToSpace, and a crop where the size is no multiple of the stride."""
    source, weight, bias = build.find(node, 0), weight_of(node, build), bias_of(node, build)
    strides, dilations = attribute(node, "strides", (1, 1)), attribute(node, "dilations", (1, 1))
    pads, groups = attribute(node, "pads", (0, 0, 0, 0)), int(attribute(node, "group", 1))
    if strides[0] != strides[1]:
        raise refuse(node, f"its strides {tuple(strides)} differ")
    if attribute(node, "auto_pad", "NOTSET") not in ("NOTSET", "VALID") or attribute(node, "output_shape"):
        raise refuse(node, "its padding follows the size of the image")
    if build.space(source).pixel:
        raise refuse(node, "it enlarges a tensor of one pixel")
    stride, extra = strides[0], attribute(node, "output_padding", (0, 0))
    axes = [
        _Axis(weight.shape[2 + axis], stride, dilations[axis], pads[axis], pads[2 + axis], extra[axis])
        for axis in (0, 1)
    ]
    crop = tuple(axis.crop for axis in axes)
    output = node.output[0]
    made = f"{output}.phases" if any(crop) else output
    build.add(
        Conv(
            label=label(node),
            inputs=(source,),
            output=made,
            weight=_phases(weight, groups, axes),
            bias=None if bias is None else np.repeat(bias, stride**2),
            pads=(axes[0].before, axes[1].before, axes[0].after, axes[1].after),
            groups=groups,
            shuffle=stride,
        )
    )
    if any(crop):
        build.add(
            Pad(
                label=label(node),
                inputs=(made,),
                output=output,
                kind=PadKind.CONSTANT,
                amounts=(0, 0, -crop[0], -crop[1]),
            )
        )


class _Axis:
    """The convolution along one axis.

    Attributes:
        taps: (phase, position in the new kernel, position in the old one).
        kernel: extent of the new kernel.
        before, after: its padding.
        crop: pixels made beyond the end of the output.
    """

    def __init__(self, kernel: int, stride: int, dilation: int, begin: int, end: int, extra: int) -> None:
        taps = [
            (phase, (phase + begin - tap * dilation) // stride, tap)
            for phase in range(stride)
            for tap in range(kernel)
            if (phase + begin - tap * dilation) % stride == 0
        ]
        first = min(0, *(offset for _, offset, _ in taps))
        last = max(0, *(offset for _, offset, _ in taps))
        # Outputs beyond stride * (size - 1), and how many positions of all phases that takes beyond size - 1.
        tail = extra + (kernel - 1) * dilation + 1 - begin - end
        positions = -(-tail // stride) - 1
        self.taps = [(phase, offset - first, tap) for phase, offset, tap in taps]
        self.kernel = last - first + 1
        self.before = -first
        self.after = max(0, positions + last)
        self.crop = stride * (self.after - last + 1) - tail
        self.stride = stride


def _phases(weight: Array, groups: int, axes: list[_Axis]) -> Array:
    """(C, K / groups, kh, kw) -> (K * stride^2, C / groups, kernel rows, kernel columns)."""
    rows, columns = axes
    channels, made = weight.shape[:2]
    stride = rows.stride
    phases = np.zeros((groups, made, stride, stride, channels // groups, rows.kernel, columns.kernel), np.float32)
    grouped = weight.reshape(groups, channels // groups, made, *weight.shape[2:])
    for row_phase, row, row_tap in rows.taps:
        for column_phase, column, column_tap in columns.taps:
            taps = grouped[:, :, :, row_tap, column_tap]
            phases[:, :, row_phase, column_phase, :, row, column] = taps.transpose(0, 2, 1)
    return phases.reshape(groups * made * stride**2, channels // groups, rows.kernel, columns.kernel)


OPERATORS: dict[str, Lower] = {"ConvTranspose": conv_transpose}
