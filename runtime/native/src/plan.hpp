// The engine's plan file (.nmp): a flat list of operations over image values, with packed weights.
//
// Little-endian, no alignment gaps:
//   Header | Value[values] | Array[arrays] | Op[ops] | blob
// Every offset of an Array counts from the start of the blob and is a multiple of 64. Nothing in the file is trusted:
// `load_plan` checks every index, count and size before anything is built from it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace slsc {

constexpr char kMagic[8] = {'S', 'L', 'S', 'C', 'N', 'M', 'P', '\0'};
constexpr uint32_t kVersion = 1;

struct Header {
    char magic[8];
    uint32_t version;
    uint32_t values;
    uint32_t arrays;
    uint32_t ops;
    uint32_t input;      // value the image enters by
    uint32_t output;     // value the restored image leaves by
    uint32_t row_align;  // strips of the input are a multiple of this many rows: the product of strides on any path
    uint32_t m;          // group size of every sparse weight, 0 when there is none
    uint64_t blob_bytes;
};
static_assert(sizeof(Header) == 48);

struct Value {
    uint32_t channels;
};

struct Array {
    uint64_t offset;
    uint64_t bytes;
};

// What an operation does. `in`, `in_channel`: value and first channel read; `out`, `out_channel`: value and first
// channel written, so that Concat, Split and channel Slice cost nothing. p, f, array by operation:
enum class OpType : uint32_t {
    // out = act(conv(in0) + bias), then combined with in1 (see Combine), then shuffled.
    // p: 0 channels read, 1 channels made (before the shuffle), 2 kh, 3 kw, 4 stride_h, 5 stride_w, 6 pad_top, 7 pad_left,
    //    8 pad_bottom, 9 pad_right, 10 dilation_h, 11 dilation_w, 12 groups, 13 n (kept of every m; n == m or 0: dense),
    //    14 combine, 15 shuffle r (1: none; channel k goes to channel k / r^2, row k % r^2 / r, column k % r)
    // array: 0 weights, 1 positions (none when dense), 2 bias f32[made] or -1, 3 slopes f32[made] of a PReLU or -1
    Conv = 1,
    // out = act(in0 (op) in1). p: 0 channels, 1 binary kind, 2 how in1 spreads. array 3: slopes
    Binary = 2,
    // out = act(scale * in0 + shift). p: 0 channels. array: 0 scale f32[channels] or -1, 1 shift or -1, 3 slopes
    Unary = 3,
    // Max or average over windows. p: 0 channels, 1 kind (0 max, 1 average without padding counted, 2 with), 2 kh, 3 kw,
    //   4 stride_h, 5 stride_w, 6 top, 7 left, 8 bottom, 9 right, 10 ceil_mode
    Pool = 4,
    // Mean over height and width; out is one pixel. p: 0 channels
    GlobalMean = 5,
    // p: 0 channels, 1 kind (0 nearest, 1 linear, 2 cubic), 2 coordinates (0 half_pixel, 1 pytorch_half_pixel,
    //   2 align_corners, 3 asymmetric), 3 numerator, 4 denominator of the scale (both 0: to the size of in1),
    //   5 nearest rounding (0 round_prefer_floor, 1 floor, 2 ceil, 3 round_prefer_ceil). f: 0 cubic coefficient
    Resize = 6,
    // Pads or (negative) crops. p: 0 channels, 1 kind (0 constant, 1 reflect, 2 edge), 2 top, 3 left, 4 bottom, 5 right;
    // 6 .. 9 the same in parts of the input's height or width, 10 how many parts that has (0: no such amounts).
    // f: 0 the constant
    Pad = 7,
    // Depth to space, channel order as Conv's shuffle. p: 0 channels read, 1 r
    DepthToSpace = 8,
    // Space to depth. p: 0 channels read, 1 r; pixel (dy, dx) of channel c goes to channel (dy * r + dx) * C + c
    SpaceToDepth = 9,
    // Mean over channels; out has one channel. p: 0 channels
    ChannelMean = 10,
};

enum class Act : uint32_t {
    None = 0,
    Relu = 1,
    LeakyRelu = 2,    // f: 2 slope
    PRelu = 3,        // array 3
    Clip = 4,         // f: 2 low, 3 high
    Sigmoid = 5,
    Tanh = 6,
    Gelu = 7,         // by the error function
    Silu = 8,
    HardSigmoid = 9,  // clip(f2 * x + f3, 0, 1)
    HardSwish = 10,
    Sqrt = 11,
};

enum class Combine : int32_t {
    None = 0,
    AddThenAct = 1,  // act(conv + in1)
    ActThenAdd = 2,  // act(conv) + in1
    ActThenMul = 3,  // act(conv) * in1
};

enum class BinaryKind : int32_t { Add = 0, Sub = 1, Mul = 2, Div = 3, Max = 4, Min = 5, RevSub = 6, RevDiv = 7 };

// How in1 of a Binary spreads over in0: same shape; one pixel per channel; one channel for all.
enum class Spread : int32_t { Same = 0, Pixel = 1, Channel = 2 };

struct Op {
    OpType type;
    Act act;
    int32_t in[2];
    int32_t in_channel[2];
    int32_t out;
    int32_t out_channel;
    int32_t p[16];
    float f[4];
    int32_t array[4];
};
static_assert(sizeof(Op) == 128);

// Weights of a dense Conv: array 0 is f32[made][channels / groups][kh][kw], as in ONNX.
//
// Weights of a sparse Conv, rank-major, so that any capacity n' <= n is a prefix of every group's list. A group of size
// s keeps kept(n, m, s) = max(1, (2 n s + m) / (2 m)) weights. For r = 0 .. n - 1, for k, for (kh, kw), for the groups of
// the kernel's input channels in order: if r < kept(n, m, s), one entry. Array 0 holds the entries' f32 values, array 1
// their u8 positions within the group. Within a group the entries are by falling importance; positions are distinct.

struct Plan {
    Header header;
    std::vector<Value> values;
    std::vector<Op> ops;
    std::vector<Array> arrays;
    std::vector<uint8_t> blob;

    const uint8_t* data(int32_t array) const { return blob.data() + arrays[array].offset; }
    const float* floats(int32_t array) const { return reinterpret_cast<const float*>(data(array)); }
};

// Parses and checks a plan. Returns null and a reason in `error` when anything is off.
std::unique_ptr<Plan> load_plan(const void* bytes, size_t size, std::string& error);

// Channels an operation reads from each input and writes.
struct Channels {
    int in0, in1, out;
};

inline Channels channels_of(const Op& op) {
    const int c = op.p[0];
    switch (op.type) {
        case OpType::Conv: {
            const int out = op.p[1] / (op.p[15] * op.p[15]);
            return {c, out, out};
        }
        case OpType::Binary: return {c, Spread(op.p[2]) == Spread::Channel ? 1 : c, c};
        case OpType::DepthToSpace: return {c, 0, c / (op.p[1] * op.p[1])};
        case OpType::SpaceToDepth: return {c, 0, c * op.p[1] * op.p[1]};
        case OpType::ChannelMean: return {c, 0, 1};
        case OpType::Resize: return {c, op.p[3] ? 0 : 1, c};
        default: return {c, 0, c};
    }
}

// Weights a group of `size` keeps at n:m; the same rule as slsc.pattern.kept_in_group.
inline int kept_in_group(int n, int m, int size) {
    int kept = (2 * n * size + m) / (2 * m);
    return kept < 1 ? 1 : kept;
}

// Pixels a Pad adds on side i (top, left, bottom, right) of an axis of `size` pixels, a multiple of the parts.
static inline int pad_amount(const Op& op, int i, int size) {
    return op.p[2 + i] + (op.p[10] ? size / op.p[10] * op.p[6 + i] : 0);
}

}  // namespace slsc
