"""Which function lowers which ONNX operator."""

from __future__ import annotations

from collections.abc import Callable

import onnx

from slsc.passes.lowering.activation import ACTIVATIONS, activation
from slsc.passes.lowering.builder import Builder
from slsc.passes.lowering.channels import concat, gather, split
from slsc.passes.lowering.elementwise import KINDS, arithmetic, batch_norm, negate, power
from slsc.passes.lowering.padding import pad
from slsc.passes.lowering.pooling import global_average, pool, reduce_mean
from slsc.passes.lowering.refusal import refuse
from slsc.passes.lowering.resizing import resize
from slsc.passes.lowering.shuffling import depth_to_space, space_to_depth
from slsc.passes.lowering.slicing import slice_
from slsc.passes.lowering.transposed import conv_transpose
from slsc.passes.lowering.vectors import expand, gemm, matmul, reshape

Lower = Callable[[onnx.NodeProto, Builder], None]


def identity(node: onnx.NodeProto, build: Builder) -> None:
    """Identity, Dropout at inference, and Cast to float32 of what is float32."""
    if node.op_type == "Cast" and node.attribute[0].i != onnx.TensorProto.FLOAT:
        raise refuse(node, "the native engine computes in float32")
    build.same(node.output[0], build.find(node, 0))


OPERATORS: dict[str, Lower] = {
    **dict.fromkeys(KINDS, arithmetic),
    **dict.fromkeys(ACTIVATIONS, activation),
    **dict.fromkeys(("MaxPool", "AveragePool"), pool),
    **dict.fromkeys(("Flatten", "Reshape", "Squeeze", "Unsqueeze"), reshape),
    **dict.fromkeys(("Identity", "Dropout", "Cast"), identity),
    "BatchNormalization": batch_norm,
    "Concat": concat,
    "ConvTranspose": conv_transpose,
    "DepthToSpace": depth_to_space,
    "Expand": expand,
    "Gather": gather,
    "Gemm": gemm,
    "GlobalAveragePool": global_average,
    "MatMul": matmul,
    "Neg": negate,
    "Pad": pad,
    "Pow": power,
    "ReduceMean": reduce_mean,
    "Resize": resize,
    "Slice": slice_,
    "SpaceToDepth": space_to_depth,
    "Split": split,
}
"""Conv, which needs the plan, is lowered by `slsc.passes.lowering.lower`."""
