// Convolution of BF16. Needs dot2.inl.

namespace halves {

constexpr int EACH = 2;
constexpr bool SMALL_TAPS = false;

using Sums = V;

static inline V dot(V sum, const uint8_t* pixel, const uint8_t* tap) { return dot2(sum, pixel, tap); }
static inline V dot_small(V sum, const uint8_t* pixel, const uint8_t* tap) { return dot2(sum, pixel, tap); }

static inline V start_of(const PackedConv&, int) { return V{}; }

static inline V numbers(const PackedConv& weights, int set, V sums) { return sums + load_unaligned(weights.bias + set * LANES); }

struct Packer {
    using Channels = HQ;

    explicit Packer(const Op&) {}

    inline HQ operator()(V numbers) const { return as_halves(numbers); }
};

static inline void fill_outside(const Op&, uint8_t* pixels, size_t bytes) { std::memset(pixels, 0, bytes); }

#include "packed_conv.inl"

}  // namespace halves

static constexpr OpKernel half_conv_kernel = halves::packed_conv_kernel;
