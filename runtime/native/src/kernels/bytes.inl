// Values of U8: where their bytes go, and between them and F32. Needs packed.inl.

typedef uint8_t B __attribute__((vector_size(VECTOR_BYTES)));
typedef uint8_t BQ __attribute__((vector_size(LANES)));
typedef uint32_t VW __attribute__((vector_size(VECTOR_BYTES)));

// Stores bytes [from, end) of a vector, each where it would lie if all were stored at `to`.
static inline void store_some(uint8_t* to, BQ made, int from, int end) {
#if LANES == 16 && defined(__AVX512BW__) && defined(__AVX512VL__)
    _mm_mask_storeu_epi8(to, __mmask16(0xffffu << from & 0xffffu >> (LANES - end)), __m128i(made));
#else
    for (int i = from; i < end; ++i) to[i] = made[i];
#endif
}

// Where a set of channels goes: the first `fits` of `count` into one block of a pixel's, the others into the next.
struct ByteTarget {
    uint8_t *low, *high;
    int fits, count;
    bool whole;  // a vector can be stored at `low`, as what is beyond `count` is nobody's

    __attribute__((always_inline)) void put(int column, BQ made) const {
        const int64_t at = int64_t(column) * VECTOR_BYTES;
        if (whole) {
            *reinterpret_cast<BQ*>(low + at) = made;
            return;
        }
        store_some(low + at, made, 0, fits);
        if (fits < count) store_some(high + at, made, fits, count);
    }
};

// For channels of a value of U8 from `channel` on.
static inline ByteTarget byte_target(const View& view, int lane, int channel, int count, int64_t y, int64_t x) {
    const int block = channel / VECTOR_BYTES, offset = channel % VECTOR_BYTES, room = VECTOR_BYTES - offset;
    const int most = count < LANES ? count : LANES, fits = most < room ? most : room;
    const bool whole = channel % LANES == 0 && (most == LANES || channel + most == view.channels);
    uint8_t* low = packed_at(view, 1, lane, block, y, x) + offset;
    return {low, fits < most ? packed_at(view, 1, lane, block + 1, y, x) - fits : low, fits, most, whole};
}

// Integers of 0..255 as bytes. GCC makes scalars of it where AVX-512 is missing.
static inline BQ as_bytes(VI v) {
#if LANES == 8 && defined(__AVX2__)
    const __m256i words = _mm256_packus_epi32(__m256i(v), __m256i(v)), bytes = _mm256_packus_epi16(words, words);
    const __m256i both = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 0, 4, 0, 4, 0, 4));
    BQ made;
    _mm_storel_epi64(reinterpret_cast<__m128i*>(&made), _mm256_castsi256_si128(both));
    return made;
#else
    return __builtin_convertvector(v, BQ);
#endif
}

// Numbers -> integers in 0..255: times the reciprocal of the scale, rounded half to even.
struct Quantizer {
    float reciprocal, low, high;
    int zero;

    explicit Quantizer(const Quantization& q)
        : reciprocal(1.0f / q.scale), low(float(-q.zero)), high(float(255 - q.zero)), zero(q.zero) {}

    inline VI operator()(V v) const {
        const V steps = vmin(vmax(rounded(v * reciprocal), splat(low)), splat(high));
        return as_int(steps + 12582912.0f) - 0x4B400000 + zero;  // 1.5 * 2^23: the low bits hold the nearest integer
    }
};

// The factors of a block of channels; `all`: of as many channels, null for ones.
static inline V factors_of(const float* all, int channels, int block) {
    if (all && (block + 1) * LANES <= channels) return load_unaligned(all + block * LANES);
    V factors = splat(1.0f);
    for (int i = 0; all && block * LANES + i < channels; ++i) factors[i] = all[block * LANES + i];
    return factors;
}

static void quantize_pixels(const Job& job, const PixelItem& at) {
    const Quantizer quantized(job.op->quantize.quantization);
    for (int block = 0; block < pixel_blocks(job.in0.channels, LANES); ++block) {
        const V factors = factors_of(job.scale, job.in0.channels, block);
        for (int l = 0; l < LANES; ++l) {
            const float* from = pixel_block_at(job.in0, l, block, at.y, at.x);
            const int channel = block * LANES;
            const ByteTarget to = byte_target(job.out, l, job.op->out_channel + channel, job.in0.channels - channel, at.y, at.x);
            for (int x = 0; x < at.columns; ++x) to.put(x, as_bytes(quantized(rounded(load(from + x * LANES) * factors))));
        }
    }
}

// Stores a block of channels where they are some of a value's.
static void store_part(const Job& job, int block, int lane, int y, int x, V bytes) {
    const int channels = job.in0.channels;
    for (int i = 0; i < 4; ++i) {
        const int channel = block * VECTOR_BYTES + i * LANES;
        if (channel >= channels) return;
        BQ made;
        std::memcpy(&made, reinterpret_cast<const uint8_t*>(&bytes) + i * LANES, sizeof made);
        byte_target(job.out, lane, job.op->out_channel + channel, channels - channel, y, x).put(0, made);
    }
}

static void quantize_strips(const Job& job, const PixelItem& at) {
    const Quantizer quantized(job.op->quantize.quantization);
    const bool whole = job.in0.channels == job.out.channels;
    pack_strips<1>(
        job, at, [&](V numbers, float factor) { return quantized(rounded(numbers * factor)); },
        [&](int lane, int block, int x, V bytes) {
            if (whole) store(reinterpret_cast<float*>(packed_at(job.out, 1, lane, block, at.y, x)), bytes);
            else store_part(job, block, lane, at.y, x, bytes);
        });
}

static void quantize_run(const Job& job, int item, float*) {
    const PixelItem at = pixel_item(job, item);
    if (job.in0.layout == Layout::ByPixel) return quantize_pixels(job, at);
    quantize_strips(job, at);
}

static void dequantize_run(const Job& job, int item, float*) {
    const PixelItem at = pixel_item(job, item);
    const Quantization& q = job.op->dequantize.quantization;
    const int channels = job.out.channels;
    for (int block = 0; block < packed_blocks(channels, 1, LANES); ++block)
        for (int x = at.x; x < at.x + at.columns; ++x) {
            V words[LANES];
            for (int l = 0; l < LANES; ++l)
                words[l] = load(reinterpret_cast<const float*>(packed_at(job.in0, 1, l, block, at.y, x)));
            transpose(words);
            for (int c = block * VECTOR_BYTES; c < channels && c < (block + 1) * VECTOR_BYTES; ++c) {
                const VI byte = (as_int(words[c % VECTOR_BYTES / 4]) >> (8 * (c % 4))) & 255;
                store(pixel_at(job.out, c, at.y, x), __builtin_convertvector(byte - q.zero, V) * q.scale);
            }
        }
}

static constexpr OpKernel quantize_kernel{pixel_items, quantize_run, nullptr};
static constexpr OpKernel dequantize_kernel{pixel_items, dequantize_run, nullptr};
