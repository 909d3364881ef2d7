"""Operations of the native engine's plan file: their numbers, and a named tuple of parameters each.

Fields in order are the file's, four bytes each: integers and enumerations are int32, floats float32. They are those of
`runtime/native/src/plan/ops.hpp`; `docs/reference/plan-file.md` says what each means and which values it may have. A
field that names an array holds its index, or -1 for none.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple, get_args


class OpType(IntEnum):
    """What an operation does."""

    CONV = 1
    BINARY = 2
    UNARY = 3
    POOL = 4
    GLOBAL_MEAN = 5
    RESIZE = 6
    PAD = 7
    DEPTH_TO_SPACE = 8
    SPACE_TO_DEPTH = 9
    CHANNEL_MEAN = 10
    INSTANCE_NORM = 11
    INT_CONV = 12
    QUANTIZE = 13
    DEQUANTIZE = 14
    HALF_CONV = 15
    NARROW = 16


class Act(IntEnum):
    """Activation functions."""

    NONE = 0
    RELU = 1
    LEAKY_RELU = 2
    PRELU = 3
    CLIP = 4
    SIGMOID = 5
    TANH = 6
    GELU = 7
    SILU = 8
    HARD_SIGMOID = 9
    HARD_SWISH = 10
    SQRT = 11


class Combine(IntEnum):
    """What a convolution does with its second input."""

    NONE = 0
    ADD_THEN_ACT = 1
    ACT_THEN_ADD = 2
    ACT_THEN_MUL = 3
    ADD_TIMES_GATE = 4
    """(conv + in1) * (sigmoid(conv) + act_b), in plans that name the feature `nmp.GATES`."""


class BinaryKind(IntEnum):
    """Elementwise operations of two inputs; REV_SUB is in1 - in0."""

    ADD = 0
    SUB = 1
    MUL = 2
    DIV = 3
    MAX = 4
    MIN = 5
    REV_SUB = 6
    REV_DIV = 7


class Spread(IntEnum):
    """How the second input spreads over the first."""

    SAME = 0
    PIXEL = 1
    CHANNEL = 2


class PoolKind(IntEnum):
    """What becomes of a window."""

    MAX = 0
    AVERAGE = 1
    AVERAGE_WITH_PADDING = 2


class ResizeKind(IntEnum):
    """How pixels between pixels are made."""

    NEAREST = 0
    LINEAR = 1
    CUBIC = 2


class Coordinates(IntEnum):
    """Where output pixels lie in the input; see ONNX's Resize."""

    HALF_PIXEL = 0
    PYTORCH_HALF_PIXEL = 1
    ALIGN_CORNERS = 2
    ASYMMETRIC = 3


class Rounding(IntEnum):
    """Which pixel is the nearest; see ONNX's Resize."""

    PREFER_FLOOR = 0
    FLOOR = 1
    CEIL = 2
    PREFER_CEIL = 3


class PadKind(IntEnum):
    """What stands in the padding."""

    CONSTANT = 0
    REFLECT = 1
    EDGE = 2


class Conv(NamedTuple):
    """Convolution of `channels` to `made` channels, then combined with in1, then shuffled by `shuffle`."""

    channels: int
    made: int
    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    pad_top: int
    pad_left: int
    pad_bottom: int
    pad_right: int
    dilation_h: int
    dilation_w: int
    groups: int
    n: int
    combine: Combine
    shuffle: int
    weights: int
    positions: int
    bias: int


class WeightSet(NamedTuple):
    """Weights of a `Conv` for one more candidate: as its own, but the first `kept` of the `n`, 0 for all."""

    n: int
    kept: int
    weights: int
    positions: int
    bias: int
    slopes: int


class Binary(NamedTuple):
    """Elementwise operation of two inputs."""

    channels: int
    kind: BinaryKind
    spread: Spread


class Unary(NamedTuple):
    """scale * x + shift, per channel."""

    channels: int
    scale: int
    shift: int


class Pool(NamedTuple):
    """Maximum or average over windows."""

    channels: int
    kind: PoolKind
    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    pad_top: int
    pad_left: int
    pad_bottom: int
    pad_right: int
    ceil_mode: int


class GlobalMean(NamedTuple):
    """Mean over height and width."""

    channels: int


class Resize(NamedTuple):
    """Resizing by numerator / denominator, or where both are 0 to the size of in1."""

    channels: int
    kind: ResizeKind
    coordinates: Coordinates
    numerator: int
    denominator: int
    rounding: Rounding
    cubic: float


class Pad(NamedTuple):
    """Padding, or cropping by negative amounts: pixels, and such shares of the size as there are `parts` in it."""

    channels: int
    kind: PadKind
    top: int
    left: int
    bottom: int
    right: int
    share_top: int
    share_left: int
    share_bottom: int
    share_right: int
    parts: int
    value: float


class DepthToSpace(NamedTuple):
    """Channel k goes to channel k / block^2, row k % block^2 / block, column k % block."""

    channels: int
    block: int


class SpaceToDepth(NamedTuple):
    """Pixel (dy, dx) of channel c goes to channel (dy * block + dx) * channels + c."""

    channels: int
    block: int


class ChannelMean(NamedTuple):
    """Mean over channels."""

    channels: int


class InstanceNorm(NamedTuple):
    """scale * (in0 - mean) / sqrt(variance + epsilon) + shift, by channel."""

    channels: int
    scale: int
    shift: int
    epsilon: float


class IntConv(NamedTuple):
    """A `Conv` in integers: of a U8 value that stands for (integer - in_zero) * in_scale, with I8 weights.

    Where its output is U8, too, `out_scale` and `out_zero` say what that stands for.
    """

    channels: int
    made: int
    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    pad_top: int
    pad_left: int
    pad_bottom: int
    pad_right: int
    dilation_h: int
    dilation_w: int
    groups: int
    n: int
    combine: Combine
    shuffle: int
    weights: int
    positions: int
    bias: int
    in_scale: float
    in_zero: int
    out_scale: float
    out_zero: int


class Quantize(NamedTuple):
    """Integers of 0..255: round(x * factors / scale) + zero, factors per channel."""

    channels: int
    scale: float
    zero: int
    factors: int


class Dequantize(NamedTuple):
    """(x - zero) * scale of integers."""

    channels: int
    scale: float
    zero: int


class HalfConv(NamedTuple):
    """As `Conv`, of a BF16 value with BF16 weights."""

    channels: int
    made: int
    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    pad_top: int
    pad_left: int
    pad_bottom: int
    pad_right: int
    dilation_h: int
    dilation_w: int
    groups: int
    n: int
    combine: Combine
    shuffle: int
    weights: int
    positions: int
    bias: int


class Narrow(NamedTuple):
    """The nearest numbers of BF16."""

    channels: int


Params = (
    Conv | Binary | Unary | Pool | GlobalMean | Resize | Pad | DepthToSpace | SpaceToDepth | ChannelMean | InstanceNorm
    | IntConv | Quantize | Dequantize | HalfConv | Narrow
)  # fmt: skip
"""Of any type, in the order of `OpType`."""

Convolution = Conv | IntConv | HalfConv
"""Parameters of what convolves."""

PARAMS: dict[OpType, type[Params]] = dict(zip(OpType, get_args(Params), strict=True))
"""Parameters of each type of operation."""
