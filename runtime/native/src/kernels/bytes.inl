// Values of U8: between them and F32. Needs packed.inl.

typedef uint8_t B __attribute__((vector_size(VECTOR_BYTES)));
typedef uint8_t BQ __attribute__((vector_size(LANES)));
typedef uint32_t VW __attribute__((vector_size(VECTOR_BYTES)));

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

static void quantize_run(const Job& job, int item, float*) {
    const Quantizer quantized(job.op->quantize.quantization);
    pack_channels<1>(job, item, [&](V numbers, float factor) { return quantized(rounded(numbers * factor)); });
}

static void dequantize_run(const Job& job, int item, float*) {
    const ConvertedItem at = converted_item(job, item);
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

static constexpr OpKernel quantize_kernel{converted_items, quantize_run, nullptr};
static constexpr OpKernel dequantize_kernel{converted_items, dequantize_run, nullptr};
