"""The lowering's own operations, between ONNX nodes and the plan's: tensors by name, parameters as numbers and arrays.

`ChannelSlice` and `Concat` only say where channels lie; they become offsets. Every other step becomes one operation of
the plan, whose parameters it tells.
"""

from slsc.passes.lowering.steps.base import NO_ACTIVATION, Activation, Array, Arrays, Space, Step
from slsc.passes.lowering.steps.channels import ChannelSlice, Concat, Permute
from slsc.passes.lowering.steps.convolution import Conv, Integers, Sparsity
from slsc.passes.lowering.steps.elementwise import Binary, Unary
from slsc.passes.lowering.steps.moving import DepthToSpace, Pad, Resize, SpaceToDepth
from slsc.passes.lowering.steps.quantizing import Dequantize, Narrow, Quantization, Quantize
from slsc.passes.lowering.steps.reducing import ChannelMean, GlobalMean, Pool

__all__ = [
    "NO_ACTIVATION",
    "Activation",
    "Array",
    "Arrays",
    "Binary",
    "ChannelMean",
    "ChannelSlice",
    "Concat",
    "Conv",
    "DepthToSpace",
    "Dequantize",
    "GlobalMean",
    "Integers",
    "Narrow",
    "Pad",
    "Permute",
    "Pool",
    "Quantization",
    "Quantize",
    "Resize",
    "Space",
    "SpaceToDepth",
    "Sparsity",
    "Step",
    "Unary",
]
