// A tap of a convolution of BF16. Needs halves.inl.

// dot2 adds to each lane the products of two halves of `pixel`, at the lane's positions, and its two weights. as_halves rounds to nearest.
#if LANES == 16 && defined(__AVX512BF16__)

static inline V dot2(V sum, const uint8_t* pixel, const uint8_t* tap) {
    const __m512i positions = _mm512_load_si512(tap), weights = _mm512_load_si512(tap + VECTOR_BYTES);
    const __m512i picked = _mm512_permutexvar_epi16(positions, _mm512_load_si512(pixel));
    return V(_mm512_dpbf16_ps(__m512(sum), (__m512bh)picked, (__m512bh)weights));
}

static inline HQ as_halves(V v) { return (HQ)_mm512_cvtneps_pbh(__m512(v)); }

#else

static inline float half_at(const uint8_t* halves, int at) {
    uint32_t bits = reinterpret_cast<const uint16_t*>(halves)[at];
    bits <<= 16;
    float number;
    std::memcpy(&number, &bits, sizeof number);
    return number;
}

// A product of two halves has all its bits in float32, so that it does not matter whether it is added by an FMA.
static inline V dot2(V sum, const uint8_t* pixel, const uint8_t* tap) {
    const uint16_t* positions = reinterpret_cast<const uint16_t*>(tap);
    for (int lane = 0; lane < LANES; ++lane)
        for (int i = 2 * lane; i < 2 * lane + 2; ++i) sum[lane] += half_at(pixel, positions[i]) * half_at(tap + VECTOR_BYTES, i);
    return sum;
}

static inline HQ as_halves(V v) { return __builtin_convertvector(half_bits(v), HQ); }

#endif

static constexpr PackedTuning HALF_TUNING{LANES, 2, 0};
