"""Pixel shuffles both ways."""

from __future__ import annotations

import numpy as np
import onnx

from slsc.passes.graph import attribute, label
from slsc.passes.lowering.builder import Builder, Lower
from slsc.passes.lowering.refusal import refuse
from slsc.passes.lowering.steps import DepthToSpace, Permute, SpaceToDepth


def depth_to_space(node: onnx.NodeProto, build: Builder) -> None:
    """DepthToSpace; channels in the order of mode DCR, (row, column, channel), are permuted first."""
    source, block, output = build.find(node, 0), int(attribute(node, "blocksize")), node.output[0]
    channels = build.space(source).channels
    _require_image(node, build, source)
    if attribute(node, "mode", "DCR") == "DCR":
        order = np.arange(channels).reshape(block * block, -1).T.reshape(-1)
        source = build.add(
            Permute(label=label(node), inputs=(source,), output=f"{output}.permuted", order=order, channels=channels)
        )
    build.add(DepthToSpace(label=label(node), inputs=(source,), output=output, block=block))


def space_to_depth(node: onnx.NodeProto, build: Builder) -> None:
    """SpaceToDepth."""
    source, block = build.find(node, 0), int(attribute(node, "blocksize"))
    _require_image(node, build, source)
    build.add(SpaceToDepth(label=label(node), inputs=(source,), output=node.output[0], block=block))


def _require_image(node: onnx.NodeProto, build: Builder, source: str) -> None:
    if build.space(source).pixel:
        raise refuse(node, "it rearranges a tensor of one pixel")


OPERATORS: dict[str, Lower] = {
    "DepthToSpace": depth_to_space,
    "SpaceToDepth": space_to_depth,
}
