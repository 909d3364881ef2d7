// A tap of a convolution in integers. Needs bytes.inl.

// Adds to each lane the products of four bytes of `pixel`, at the lane's positions, and its four weights.
#if LANES == 16 && defined(__AVX512VBMI__) && defined(__AVX512VNNI__)

#define FAST_DOT4 1

static inline VI dot4(VI sum, const uint8_t* pixel, const uint8_t* tap) {
    const __m512i positions = _mm512_load_si512(tap), weights = _mm512_load_si512(tap + VECTOR_BYTES);
    const __m512i picked = _mm512_permutexvar_epi8(positions, _mm512_load_si512(pixel));
    return VI(_mm512_dpbusd_epi32(__m512i(sum), picked, weights));
}

#else

#define FAST_DOT4 0

static inline VI dot4(VI sum, const uint8_t* pixel, const uint8_t* tap) {
    for (int lane = 0; lane < LANES; ++lane)
        for (int i = 4 * lane; i < 4 * lane + 4; ++i) sum[lane] += int(pixel[tap[i]]) * int8_t(tap[VECTOR_BYTES + i]);
    return sum;
}

#endif
