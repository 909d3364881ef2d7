"""Which function lowers which ONNX operator: the families' tables together."""

from __future__ import annotations

import onnx

from slsc.passes.lowering import (
    activation,
    channels,
    elementwise,
    padding,
    pooling,
    quantizing,
    resizing,
    shuffling,
    slicing,
    transposed,
    vectors,
)
from slsc.passes.lowering.builder import Builder, Lower
from slsc.passes.lowering.refusal import refuse


def identity(node: onnx.NodeProto, build: Builder) -> None:
    """Identity, Dropout at inference, and Cast to float32 of what is float32."""
    if node.op_type == "Cast" and node.attribute[0].i != onnx.TensorProto.FLOAT:
        raise refuse(node, "the native engine computes in float32")
    build.same(node.output[0], build.find(node, 0))


OPERATORS: dict[str, Lower] = {
    **dict.fromkeys(("Identity", "Dropout", "Cast"), identity),
    **activation.OPERATORS,
    **channels.OPERATORS,
    **elementwise.OPERATORS,
    **padding.OPERATORS,
    **pooling.OPERATORS,
    **quantizing.OPERATORS,
    **resizing.OPERATORS,
    **shuffling.OPERATORS,
    **slicing.OPERATORS,
    **transposed.OPERATORS,
    **vectors.OPERATORS,
}
"""Conv, which needs the plan, is lowered by `slsc.passes.lowering.lower`."""
