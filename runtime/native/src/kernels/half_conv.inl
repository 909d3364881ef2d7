// Convolution of BF16. Needs dot2.inl.

namespace halves {

constexpr int EACH = 2, REGISTERS = 1;
constexpr bool SMALL_TAPS = false;

using Sums = V;

static inline V dot(V sum, const uint8_t* pixel, const uint8_t*, const uint8_t* tap) { return dot2(sum, pixel, tap); }
static inline V dot_small(V sum, const uint8_t* pixel, const uint8_t*, const uint8_t* tap) { return dot2(sum, pixel, tap); }

static inline void store_sums(float* to, V sums) { store(to, sums); }

// Of a set of outputs.
struct Numbers {
    V bias;

    Numbers(const PackedConv& weights, int set) : bias(load_unaligned(weights.bias + set * LANES)) {}

    inline V operator()(const float* sums) const { return load(sums) + bias; }
};

struct Packer {
    using Channels = HQ;

    explicit Packer(const Op&) {}

    inline HQ operator()(V numbers) const { return as_halves(numbers); }
};

static inline HalfTarget packed_target(const View& view, int lane, int channel, int count, int64_t y, int64_t x) {
    return half_target(view, lane, channel, count, y, x);
}

// Numbers of a set of outputs from column x on, as Narrow makes halves of them.
static void store_beside(const Job& job, int lane, int set, int y, int x, int columns, const float* made) {
    const int channel = set * LANES, channels = job.op->conv.made;
    for (int each = 0; each < job.quantized_count; ++each) {
        const QuantizedResult& result = job.quantized[each];
        const HalfTarget to = half_target(result.out, lane, result.channel + channel, channels - channel, y, x);
        for (int i = 0; i < columns; ++i) to.put(i, as_halves(load(made + i * LANES)));
    }
}

// What a set of outputs is combined with from column x on, by pixel: as it lies, or `widened` there.
static const float* operands(const Job& job, int lane, int set, int y, int x, int columns, float* widened) {
    if (job.in1.layout == Layout::ByPixel) return pixel_block_at(job.in1, lane, set, y, x);
    const uint8_t* from = packed_at(job.in1, EACH, lane, set / 2, y, x) + set % 2 * sizeof(HQ);
    for (int i = 0; i < columns; ++i) {
        HQ halves;
        std::memcpy(&halves, from + size_t(i) * VECTOR_BYTES, sizeof halves);
        store(widened + i * LANES, as_float(__builtin_convertvector(halves, VI) << 16));
    }
    return widened;
}

static inline void fill_outside(const Op&, uint8_t* pixels, size_t bytes) { std::memset(pixels, 0, bytes); }

#if LANES == 16 && defined(__AMX_BF16__)
#define TILE_DOT(sums, pixels, weights) _tile_dpbf16ps(sums, pixels, weights)
#endif

#include "packed_conv.inl"

#undef TILE_DOT

}  // namespace halves

static constexpr OpKernel half_conv_kernel = halves::packed_conv_kernel;
