// Operations of a plan: one struct of parameters each, whose fields in order are the file's (docs/reference/plan-file.md; in
// Python slsc/passes/lowering/nmp_ops.py has a NamedTuple for each).
#pragma once

#include <cstddef>
#include <cstdint>

namespace slsc {

// Every operation, in the order of the numbers that plan files give them, from 1 on: OP(Name, name). There is a struct NameParams
// below, a kName in ops/, and a name_kernel in kernels/.
#define SLSC_OPS(OP)                 \
    OP(Conv, conv)                   \
    OP(Binary, binary)               \
    OP(Unary, unary)                 \
    OP(Pool, pool)                   \
    OP(GlobalMean, global_mean)      \
    OP(Resize, resize)               \
    OP(Pad, pad)                     \
    OP(DepthToSpace, depth_to_space) \
    OP(SpaceToDepth, space_to_depth) \
    OP(ChannelMean, channel_mean)    \
    OP(InstanceNorm, instance_norm)  \
    OP(IntConv, int_conv)            \
    OP(Quantize, quantize)           \
    OP(Dequantize, dequantize)       \
    OP(HalfConv, half_conv)          \
    OP(Narrow, narrow)

#define SLSC_OP(Name, name) Name,
enum class OpType : uint32_t {
    None,
    SLSC_OPS(SLSC_OP)
};
#undef SLSC_OP

#define SLSC_OP(Name, name) +1
constexpr int kOpTypes = SLSC_OPS(SLSC_OP);
#undef SLSC_OP

enum class Act : uint32_t {
    None = 0,
    Relu = 1,
    LeakyRelu = 2,    // act_a: slope
    PRelu = 3,        // slopes
    Clip = 4,         // act_a: low, act_b: high
    Sigmoid = 5,
    Tanh = 6,
    Gelu = 7,         // by the error function
    Silu = 8,
    HardSigmoid = 9,  // clip(act_a * x + act_b, 0, 1)
    HardSwish = 10,
    Sqrt = 11,
};

// What a convolution does with its second input.
enum class Combine : int32_t {
    None = 0,
    AddThenAct = 1,  // act(conv + in1)
    ActThenAdd = 2,  // act(conv) + in1
    ActThenMul = 3,  // act(conv) * in1
    AddTimesGate = 4,  // (conv + in1) * (sigmoid(conv) + act_b), in plans that name the feature "gates"
};

enum class BinaryKind : int32_t {
    Add = 0,
    Sub = 1,
    Mul = 2,
    Div = 3,
    Max = 4,
    Min = 5,
    RevSub = 6,
    RevDiv = 7
};

// How in1 of a Binary spreads over in0: same shape; one pixel per channel; one channel for all.
enum class Spread : int32_t {
    Same = 0,
    Pixel = 1,
    Channel = 2
};

enum class PoolKind : int32_t {
    Max = 0,
    Average = 1,
    AverageWithPadding = 2
};
enum class PadKind : int32_t {
    Constant = 0,
    Reflect = 1,
    Edge = 2
};
enum class ResizeKind : int32_t {
    Nearest = 0,
    Linear = 1,
    Cubic = 2
};
enum class Coordinates : int32_t {
    HalfPixel = 0,
    PytorchHalfPixel = 1,
    AlignCorners = 2,
    Asymmetric = 3
};
enum class Rounding : int32_t {
    PreferFloor = 0,
    Floor = 1,
    Ceil = 2,
    PreferCeil = 3
};

// Pixels at the four sides of an image.
struct Sides {
    int32_t top, left, bottom, right;
};

// out = act(conv(in0) + bias), shuffled: channel k goes to channel k / r^2, row k % r^2 / r, column k % r of a block of r x r pixels,
// r being `shuffle`; and combined with in1, which has the shape of the output.
//
// Weights of a dense Conv (n == 0 or n == m): [made][channels / groups][kernel_h][kernel_w], as in ONNX; no positions.
//
// Weights of a sparse Conv, rank-major, so that any capacity n' <= n is a prefix of every group's list. A group of size
// s keeps kept(n, m, s) = max(1, (2 n s + m) / (2 m)) weights. For r = 0 .. n - 1, for k, for (kh, kw), for the groups of
// the kernel's input channels in order: if r < kept(n, m, s), one entry. `weights` holds the entries' values, `positions`
// their u8 positions within the group. Within a group the entries are by falling importance; positions are distinct.
struct ConvParams {
    int32_t channels;  // read
    int32_t made;      // before the shuffle
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    Sides pad;
    int32_t dilation_h, dilation_w;
    int32_t groups;
    int32_t n;         // kept of every m; n == m or 0: dense
    Combine combine;
    int32_t shuffle;   // 1: none
    int32_t weights;   // array
    int32_t positions; // array of u8, -1 when dense
    int32_t bias;      // array of f32[made], or -1
};

// out = act(in0 (op) in1)
struct BinaryParams {
    int32_t channels;
    BinaryKind kind;
    Spread spread;
};

// out = act(scale * in0 + shift); arrays of f32[channels], or -1
struct UnaryParams {
    int32_t channels;
    int32_t scale, shift;
};

// Max or average over windows.
struct PoolParams {
    int32_t channels;
    PoolKind kind;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    Sides pad;
    int32_t ceil_mode;
};

// Mean over height and width; out is one pixel.
struct GlobalMeanParams {
    int32_t channels;
};

// To `numerator` / `denominator` of the size; both 0: to the size of in1.
struct ResizeParams {
    int32_t channels;
    ResizeKind kind;
    Coordinates coordinates;
    int32_t numerator, denominator;
    Rounding rounding;  // of nearest
    float cubic;        // Keys' coefficient
};

// Pads or (negative) crops by `sides`, and by `shares` of parts of the input's height or width, of which it has `parts`
// (0: no such amounts).
struct PadParams {
    int32_t channels;
    PadKind kind;
    Sides sides;
    Sides shares;
    int32_t parts;
    float value;  // the constant
};

// Channel order as Conv's shuffle.
struct DepthToSpaceParams {
    int32_t channels;  // read
    int32_t block;
};

// Pixel (dy, dx) of channel c goes to channel (dy * block + dx) * channels + c.
struct SpaceToDepthParams {
    int32_t channels;  // read
    int32_t block;
};

// Mean over channels; out has one channel.
struct ChannelMeanParams {
    int32_t channels;
};

// out = scale * (in0 - mean) / sqrt(variance + epsilon) + shift, by channel, the mean and variance over height and width; arrays of
// f32[channels].
struct InstanceNormParams {
    int32_t channels;
    int32_t scale, shift;
    float epsilon;
};

// The weights of a Conv for one more candidate, as they follow its parameters in plans that name the feature "weight-sets".
struct WeightSet {
    int32_t n;     // as ConvParams has it
    int32_t kept;  // of every m, the first of the n; 0: all
    int32_t weights, positions, bias;
    int32_t slopes;  // as Op has them
};
static_assert(sizeof(WeightSet) == 24);

// How the integers of a U8 value stand for numbers: (integer - zero) * scale.
struct Quantization {
    float scale;
    int32_t zero;
};

// A Conv of a U8 value with I8 weights, in integers: its sum is that of (integer - in.zero) * weight, times in.scale and the weights'
// scale. Pixels beyond the image are in.zero. Where out is of U8, too, the result is quantized as `out` says; there is no second
// input and no shuffle then.
struct IntConvParams {
    ConvParams conv;
    Quantization in;
    Quantization out;
};

// round(in0 * factors / scale) + zero, half to even, within 0..255; a whole value of U8. `factors`: array of f32[channels], or -1.
struct QuantizeParams {
    int32_t channels;
    Quantization quantization;
    int32_t factors;
};

// (in0 - zero) * scale, of a whole value of U8.
struct DequantizeParams {
    int32_t channels;
    Quantization quantization;
};

// A Conv of a BF16 value with BF16 weights: products are exact, and added up in float32. Where out is of BF16, too, the result is
// rounded to it; there is no second input and no shuffle then. A second input of BF16, read whole, takes the feature
// "half-operands", and there is no shuffle then, either.
struct HalfConvParams {
    ConvParams conv;
};

// To the nearest numbers of BF16, half to even; a whole value of BF16.
struct NarrowParams {
    int32_t channels;
};

// An operation. `in`, `in_channel`: value and first channel read, -1 for no second input; `out`, `out_channel`: value and first
// channel written, so that Concat, Split and channel Slice cost nothing. Which parameters it has, `type` tells; all begin
// with the channels that it reads.
struct Op {
    OpType type;
    uint32_t bytes;  // of the record in the file: this head and the type's parameters
    int32_t in[2];
    int32_t in_channel[2];
    int32_t out;
    int32_t out_channel;
    Act act;
    float act_a, act_b;
    int32_t slopes;  // array f32[channels made] of a PRelu, or -1
#define SLSC_OP(Name, name) Name##Params name;
    union {
        SLSC_OPS(SLSC_OP)
    };
#undef SLSC_OP
    int32_t kept;  // not in the file: of a Conv, most weights kept of every m, 0: n; see WeightSet
};

// The file holds these structs as they are: 4-byte fields, little-endian, no gaps.
constexpr size_t kOpHeadBytes = 48;
static_assert(offsetof(Op, conv) == kOpHeadBytes && offsetof(Op, slopes) == 44);
static_assert(sizeof(Sides) == 16 && sizeof(ConvParams) == 76 && offsetof(ConvParams, pad) == 24 &&
              offsetof(ConvParams, weights) == 64);
static_assert(sizeof(BinaryParams) == 12 && sizeof(UnaryParams) == 12 && sizeof(PoolParams) == 44);
static_assert(sizeof(GlobalMeanParams) == 4 && sizeof(ResizeParams) == 28 && sizeof(PadParams) == 48);
static_assert(sizeof(DepthToSpaceParams) == 8 && sizeof(SpaceToDepthParams) == 8 && sizeof(ChannelMeanParams) == 4);
static_assert(sizeof(InstanceNormParams) == 16);
static_assert(sizeof(IntConvParams) == 92 && offsetof(IntConvParams, in) == 76);  // its Conv is also reached as Op::conv
static_assert(sizeof(QuantizeParams) == 16 && sizeof(DequantizeParams) == 12);
static_assert(sizeof(HalfConvParams) == 76 && sizeof(NarrowParams) == 4);

inline bool convolves(const Op& op) { return op.type == OpType::Conv || op.type == OpType::IntConv || op.type == OpType::HalfConv; }

// Weights a group of `size` keeps at n:m; the same rule as slsc.pattern.kept_in_group.
inline int kept_in_group(int n, int m, int size) {
    int kept = (2 * n * size + m) / (2 * m);
    return kept < 1 ? 1 : kept;
}

// Pixels that a Pad adds at one side of an axis of `size` pixels, a multiple of its parts.
static inline int pad_amount(const PadParams& pad, int32_t Sides::* side, int size) {
    return pad.sides.*side + (pad.parts ? size / pad.parts * (pad.shares.*side) : 0);
}

}  // namespace slsc
