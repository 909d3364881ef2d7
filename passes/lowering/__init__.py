"""Lowering: ONNX -> the native engine's plan file.

`lower` is a function and not a `Pass`, because its result is no ONNX model. What it takes, one image in and one out:

- Conv (dense or N:M, any window, stride, dilation, groups, padding that does not follow the image's size),
  ConvTranspose of equal strides, Gemm and MatMul of a vector of channels, BatchNormalization;
- Relu, LeakyRelu, PRelu, Clip, Sigmoid, Tanh, Gelu (also spelled with Erf), SiLU (x * Sigmoid(x)), HardSigmoid,
  HardSwish, Sqrt, Pow to 1/2, 1, 2, 3, Neg;
- Add, Sum, Sub, Mul, Div, Max, Min of tensors of one shape, with one pixel per channel or one channel for all, with
  numbers, with one number per channel;
- Concat, Split, Slice (of any step), Gather over channels; Concat of equal parts, Slice over rows and columns; Pad;
- DepthToSpace in both modes, SpaceToDepth, Resize by r, 1/r or to the size of another tensor;
- MaxPool, AveragePool, GlobalAveragePool, ReduceMean over space or channels; Identity, Dropout, Cast to float32;
  Reshape, Flatten, Squeeze, Unsqueeze, Expand of one pixel per channel.

QuantizeLinear and DequantizeLinear of 8 bits; a Conv behind them whose weight is int8 runs in integers.

Weights may be stored as float16, bfloat16 or integers and reach their node through Cast and DequantizeLinear.

`lower_ladder` makes one plan file of several engines of one dense network, which regions of an image can share.

Everything else is a `LoweringRefusal` that names the node; such a network stays on ONNX Runtime.
"""

from __future__ import annotations

from slsc.passes.lowering.ladder import lower_ladder
from slsc.passes.lowering.lower import lower
from slsc.passes.lowering.refusal import LoweringRefusal

__all__ = ["LoweringRefusal", "lower", "lower_ladder"]
