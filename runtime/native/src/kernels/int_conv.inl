// Convolution in integers. Needs dot4.inl.

namespace bytes {

constexpr int EACH = 1;
constexpr bool SMALL_TAPS = PAIR_SUM != 0;

using Sums = VI;

static inline VI dot(VI sum, const uint8_t* pixel, const uint8_t* tap) { return dot4(sum, pixel, tap); }
static inline VI dot_small(VI sum, const uint8_t* pixel, const uint8_t* tap) { return dot4_small(sum, pixel, tap); }

static inline VI start_of(const PackedConv& weights, int set) {
    return as_int(load_unaligned(reinterpret_cast<const float*>(weights.start) + set * LANES));
}

static inline V numbers(const PackedConv& weights, int set, VI sums) {
    const V scale = load_unaligned(weights.scale + set * LANES);
    return rounded(__builtin_convertvector(sums, V) * scale) + load_unaligned(weights.bias + set * LANES);
}

struct Packer {
    using Channels = BQ;
    Quantizer quantized;

    explicit Packer(const Op& op) : quantized(op.int_conv.out) {}

    inline BQ operator()(V numbers) const { return as_bytes(quantized(numbers)); }
};

static inline void fill_outside(const Op& op, uint8_t* pixels, size_t bytes) { std::memset(pixels, op.int_conv.in.zero, bytes); }

#include "packed_conv.inl"

}  // namespace bytes

static constexpr OpKernel int_conv_kernel = bytes::packed_conv_kernel;
