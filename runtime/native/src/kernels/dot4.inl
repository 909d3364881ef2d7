// A tap of a convolution in integers. Needs bytes.inl.

// dot4 adds to each lane the products of four bytes of `pixel`, at the lane's positions, and its four weights; dot4_small does so
// where PackedTuning calls the tap small.
#if LANES == 16 && defined(__AVX512VBMI__) && defined(__AVX512VNNI__)

#define FAST_DOT4 1
#define PAIR_SUM 0

static inline VI dot4(VI sum, const uint8_t* pixel, const uint8_t* tap) {
    const __m512i positions = _mm512_load_si512(tap), weights = _mm512_load_si512(tap + VECTOR_BYTES);
    const __m512i picked = _mm512_permutexvar_epi8(positions, _mm512_load_si512(pixel));
    return VI(_mm512_dpbusd_epi32(__m512i(sum), picked, weights));
}

// Adds to each lane the products of its own four bytes of a pixel, and of a vector of weights.
static inline VI dot_all(VI sum, const uint8_t* pixel, const uint8_t* weights) {
    return VI(_mm512_dpbusd_epi32(__m512i(sum), _mm512_load_si512(pixel), _mm512_load_si512(weights)));
}

#elif LANES == 8 && defined(__AVX2__)

// Half of a pixel's bytes, twice.
static inline __m256i half_at(const uint8_t* bytes) {
    return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(bytes)));
}

// AVX2 picks bytes within halves of 16, and makes those 0 whose position has its highest bit set: so all lanes pick from each half of
// the pixel, and take 0 where their byte is in the other.
static inline __m256i picked(const uint8_t* pixel, const uint8_t* tap) {
    const __m256i positions = _mm256_load_si256(reinterpret_cast<const __m256i*>(tap));
    const __m256i in_low = _mm256_add_epi8(positions, _mm256_set1_epi8(0x70));
    const __m256i in_high = _mm256_sub_epi8(positions, _mm256_set1_epi8(16));
    const __m256i low = _mm256_shuffle_epi8(half_at(pixel), in_low), high = _mm256_shuffle_epi8(half_at(pixel + 16), in_high);
    return _mm256_or_si256(low, high);
}

static inline __m256i weights_of(const uint8_t* tap) {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(tap + VECTOR_BYTES));
}

#if defined(__AVXVNNI__)

#define FAST_DOT4 1
#define PAIR_SUM 0

static inline VI dot4(VI sum, const uint8_t* pixel, const uint8_t* tap) {
    return VI(_mm256_dpbusd_avx_epi32(__m256i(sum), picked(pixel, tap), weights_of(tap)));
}

// Adds to each lane the products of its own four bytes of a pixel, and of a vector of weights.
static inline VI dot_all(VI sum, const uint8_t* pixel, const uint8_t* weights) {
    const __m256i bytes = _mm256_load_si256(reinterpret_cast<const __m256i*>(pixel));
    return VI(_mm256_dpbusd_avx_epi32(__m256i(sum), bytes, _mm256_load_si256(reinterpret_cast<const __m256i*>(weights))));
}

#else

// Bytes are multiplied in 16 bits, in which two products are only sure to be added rightly if 255 times their weights fit. Else each
// second one is taken by itself, as numbers of 16 bits that are added in 32.
#define FAST_DOT4 0
#define PAIR_SUM 128

static inline VI dot4_small(VI sum, const uint8_t* pixel, const uint8_t* tap) {
    const __m256i pairs = _mm256_maddubs_epi16(picked(pixel, tap), weights_of(tap));
    return sum + VI(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

static inline VI dot4(VI sum, const uint8_t* pixel, const uint8_t* tap) {
    const __m256i bytes = picked(pixel, tap), weights = weights_of(tap);
    const __m256i even = _mm256_and_si256(bytes, _mm256_set1_epi16(255)), odd = _mm256_srli_epi16(bytes, 8);
    const __m256i even_weights = _mm256_srai_epi16(_mm256_slli_epi16(weights, 8), 8);
    return sum + VI(_mm256_madd_epi16(even, even_weights)) + VI(_mm256_madd_epi16(odd, _mm256_srai_epi16(weights, 8)));
}

#endif

#elif LANES == 4 && defined(__ARM_FEATURE_DOTPROD)

#define FAST_DOT4 1
#define PAIR_SUM 0
#define DOT4_REGISTERS 2

// Two vectors are a group of 32 channels. There are products of signed bytes alone, so that what they stand for is 128 less.
static inline VI dot4(VI sum, const uint8_t* pixel, const uint8_t* beside, const uint8_t* tap) {
    const uint8x16x2_t channels = {{vld1q_u8(pixel), vld1q_u8(beside)}};
    const uint8x16_t picked = veorq_u8(vqtbl2q_u8(channels, vld1q_u8(tap)), vdupq_n_u8(128));
    return VI(
        vdotq_s32(int32x4_t(sum), vreinterpretq_s8_u8(picked), vld1q_s8(reinterpret_cast<const int8_t*>(tap) + VECTOR_BYTES)));
}

// Adds to each lane the products of its own four bytes of a pixel, and of a vector of weights.
static inline VI dot_all(VI sum, const uint8_t* pixel, const uint8_t* weights) {
    const int8x16_t bytes = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(pixel), vdupq_n_u8(128)));
    return VI(vdotq_s32(int32x4_t(sum), bytes, vld1q_s8(reinterpret_cast<const int8_t*>(weights))));
}

#else

#define FAST_DOT4 0
#define PAIR_SUM 0

static inline VI dot4(VI sum, const uint8_t* pixel, const uint8_t* tap) {
    for (int lane = 0; lane < LANES; ++lane)
        for (int i = 4 * lane; i < 4 * lane + 4; ++i) sum[lane] += int(pixel[tap[i]]) * int8_t(tap[VECTOR_BYTES + i]);
    return sum;
}

#endif

#ifndef DOT4_REGISTERS
#define DOT4_REGISTERS 1
#endif

static constexpr PackedTuning INT_TUNING{LANES, 4, PAIR_SUM};
