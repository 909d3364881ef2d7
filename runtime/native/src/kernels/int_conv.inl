// Convolution in integers. Needs dot4.inl.

namespace bytes {

constexpr int EACH = 1, REGISTERS = DOT4_REGISTERS;
constexpr bool SMALL_TAPS = PAIR_SUM != 0;

using Sums = VI;

static inline VI dot(VI sum, const uint8_t* pixel, const uint8_t* beside, const uint8_t* tap) {
#if DOT4_REGISTERS == 2
    return dot4(sum, pixel, beside, tap);
#else
    (void)beside;
    return dot4(sum, pixel, tap);
#endif
}
static inline VI dot_small(VI sum, const uint8_t* pixel, const uint8_t* beside, const uint8_t* tap) {
#if PAIR_SUM
    return dot4_small(sum, pixel, tap);
#else
    return dot(sum, pixel, beside, tap);
#endif
}

static inline void store_sums(float* to, VI sums) { store(to, as_float(sums)); }

// Of a set of outputs.
struct Numbers {
    VI start;
    V scale, bias;

    Numbers(const PackedConv& weights, int set)
        : start(as_int(load_unaligned(reinterpret_cast<const float*>(weights.start) + set * LANES))),
          scale(load_unaligned(weights.scale + set * LANES)), bias(load_unaligned(weights.bias + set * LANES)) {}

    inline V operator()(const float* sums) const {
        const VW sum = VW(start) + VW(load(sums));  // lanes beyond the image hold anything, which may overflow
        return rounded(__builtin_convertvector(VI(sum), V) * scale) + bias;
    }
};

struct Packer {
    using Channels = BQ;
    Quantizer quantized;

    explicit Packer(const Op& op) : quantized(op.int_conv.out) {}

    inline BQ operator()(V numbers) const { return as_bytes(quantized(numbers)); }
};

static inline ByteTarget packed_target(const View& view, int lane, int channel, int count, int64_t y, int64_t x) {
    return byte_target(view, lane, channel, count, y, x);
}

// Numbers of a set of outputs from column x on, as Quantize makes bytes of them.
static void store_beside(const Job& job, int lane, int set, int y, int x, int columns, const float* made) {
    const int channel = set * LANES, channels = job.op->conv.made;
    for (int each = 0; each < job.quantized_count; ++each) {
        const QuantizedResult& result = job.quantized[each];
        const Quantizer quantized(result.quantization);
        const V factors = factors_of(result.factors, channels, set);
        const ByteTarget to = byte_target(result.out, lane, result.channel + channel, channels - channel, y, x);
        for (int i = 0; i < columns; ++i) to.put(i, as_bytes(quantized(rounded(load(made + i * LANES) * factors))));
    }
}

// What a set of outputs is combined with from column x on, by pixel.
static inline const float* operands(const Job& job, int lane, int set, int y, int x, int, float*) {
    return pixel_block_at(job.in1, lane, set, y, x);
}

static inline void fill_outside(const Op& op, uint8_t* pixels, size_t bytes) { std::memset(pixels, op.int_conv.in.zero, bytes); }

#if LANES == 16 && defined(__AMX_INT8__)
#define TILE_DOT(sums, pixels, weights) _tile_dpbusd(sums, pixels, weights)
#endif

#include "packed_conv.inl"

#undef TILE_DOT

}  // namespace bytes

static constexpr OpKernel int_conv_kernel = bytes::packed_conv_kernel;
