// Values of BF16, the upper halves of float32. Needs packed.inl.

// Rounded to nearest, half to even, in the lower 16 bits; NaN stays NaN.
static inline VI half_bits(V v) {
    const VI bits = as_int(v), even = (bits >> 16) & 1;
    const VI nearest = (bits + 0x7FFF + even) >> 16;
    return (v == v ? nearest : VI{} + 0x7FC0) & 0xFFFF;
}

typedef uint16_t HQ __attribute__((vector_size(2 * LANES)));

// Stores halves [from, end) of a vector, each where it would lie if all were stored at `to`.
static inline void store_some(uint8_t* to, HQ made, int from, int end) {
#if LANES == 16 && defined(__AVX512BW__) && defined(__AVX512VL__)
    _mm256_mask_storeu_epi16(to, __mmask16(0xffffu << from & 0xffffu >> (LANES - end)), __m256i(made));
#else
    for (int i = from; i < end; ++i) std::memcpy(to + 2 * i, reinterpret_cast<const uint16_t*>(&made) + i, 2);
#endif
}

// Where a set of channels goes: the first `fits` of `count` into one block of a pixel's, the others into the next. What a value's last
// block has beyond its channels is zeroed: products of matrices take it along, and what is no number stays none times 0.
struct HalfTarget {
    uint8_t *low, *high;
    int fits, count;
    bool whole;   // a vector can be stored at `low`, as what is beyond `count` is nobody's
    int beyond;   // channels that are zeroed
    HQ kept;      // all bits of the first `count`

    __attribute__((always_inline)) void put(int column, HQ made) const {
        const int64_t at = int64_t(column) * VECTOR_BYTES;
        if (whole) {
            *reinterpret_cast<HQ*>(low + at) = made & kept;
            if (beyond >= LANES) *reinterpret_cast<HQ*>(low + at + 2 * LANES) = HQ{};
            return;
        }
        store_some(low + at, made, 0, fits);
        if (fits < count) store_some(high + at, made, fits, count);
        if (beyond) std::memset((fits < count ? high : low) + at + 2 * count, 0, 2 * beyond);
    }
};

// For channels of a value of BF16 from `channel` on.
static inline HalfTarget half_target(const View& view, int lane, int channel, int count, int64_t y, int64_t x) {
    constexpr int BLOCK = 2 * LANES;
    const int block = channel / BLOCK, offset = channel % BLOCK, room = BLOCK - offset;
    const int most = count < LANES ? count : LANES, fits = most < room ? most : room, end = channel + most;
    const bool last = end == view.channels, whole = channel % LANES == 0 && (most == LANES || last);
    uint8_t* low = packed_at(view, 2, lane, block, y, x) + 2 * offset;
    uint8_t* high = fits < most ? packed_at(view, 2, lane, block + 1, y, x) - 2 * fits : low;
    HQ kept{};
    for (int i = 0; i < most; ++i) kept[i] = 0xFFFF;
    return {low, high, fits, most, whole, last ? (BLOCK - end % BLOCK) % BLOCK : 0, kept};
}

static void narrow_pixels(const Job& job, const PixelItem& at) {
    for (int channel = 0; channel < job.in0.channels; channel += LANES)
        for (int l = 0; l < LANES; ++l) {
            const float* from = pixel_block_at(job.in0, l, channel / LANES, at.y, at.x);
            const HalfTarget to = half_target(job.out, l, job.op->out_channel + channel, job.in0.channels - channel, at.y, at.x);
            for (int x = 0; x < at.columns; ++x) to.put(x, __builtin_convertvector(half_bits(load(from + x * LANES)), HQ));
        }
}

static void narrow_strips(const Job& job, const PixelItem& at) {
    const int channels = job.in0.channels;
    const bool whole = channels == job.out.channels;
    pack_strips<2>(
        job, at, [](V numbers, float) { return half_bits(numbers); },
        [&](int lane, int block, int x, V halves) {
            if (whole) return store(reinterpret_cast<float*>(packed_at(job.out, 2, lane, block, at.y, x)), halves);
            for (int channel = 2 * LANES * block, i = 0; i < 2 && channel < channels; ++i, channel += LANES) {
                HQ made;
                std::memcpy(&made, reinterpret_cast<const uint8_t*>(&halves) + i * sizeof made, sizeof made);
                half_target(job.out, lane, job.op->out_channel + channel, channels - channel, at.y, x).put(0, made);
            }
        });
}

static void narrow_run(const Job& job, int item, float*) {
    const PixelItem at = pixel_item(job, item);
    job.in0.layout == Layout::ByPixel ? narrow_pixels(job, at) : narrow_strips(job, at);
}

static constexpr OpKernel narrow_kernel{pixel_items, narrow_run, nullptr};
