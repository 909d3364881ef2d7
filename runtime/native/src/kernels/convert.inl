// Planar images to strips and back. Needs lanes.inl.
//
// A strip row is the transpose of LANES image rows. Blocks of LANES x LANES are transposed by interleaving: after
// log2(LANES) rounds of interleaving the first half of the vectors with the second, rows have become columns.

#if LANES == 16
#define SLSC_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define SLSC_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#define SLSC_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define SLSC_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define SLSC_LOW 0, 4, 1, 5
#define SLSC_HIGH 2, 6, 3, 7
#endif

#if defined(__clang__)
static inline V interleave_low(V a, V b) { return __builtin_shufflevector(a, b, SLSC_LOW); }
static inline V interleave_high(V a, V b) { return __builtin_shufflevector(a, b, SLSC_HIGH); }
#else  // GCC knows the former from 12 on
static inline V interleave_low(V a, V b) { return __builtin_shuffle(a, b, VI{SLSC_LOW}); }
static inline V interleave_high(V a, V b) { return __builtin_shuffle(a, b, VI{SLSC_HIGH}); }
#endif

#undef SLSC_LOW
#undef SLSC_HIGH

static inline void transpose(V* block) {
    for (int half = 1; half < LANES; half *= 2) {
        V next[LANES];
        for (int i = 0; i < LANES / 2; ++i) {
            next[2 * i] = interleave_low(block[i], block[i + LANES / 2]);
            next[2 * i + 1] = interleave_high(block[i], block[i + LANES / 2]);
        }
        for (int i = 0; i < LANES; ++i) block[i] = next[i];
    }
}

// Lanes whose image row lane * rows + y exists: they are the first ones.
static inline int lanes_at(const View& value, int y) {
    const int lanes = y < value.height ? (value.height - 1 - y) / value.rows + 1 : 0;
    return lanes < LANES ? lanes : LANES;
}

// Items are strip rows of channels. Lanes without an image row become 0.
static void to_strips(const float* planar, const View& value, int first, int end, int item) {
    const int channel = item / value.rows, y = item % value.rows, lanes = lanes_at(value, y), columns = end - first;
    const int64_t step = int64_t(value.rows) * value.width;
    const float* from = planar + (int64_t(channel) * value.height + y) * value.width + first;
    float* to = pixel_at(value, channel, y, first);
    int x = 0;
    for (; x + LANES <= columns; x += LANES) {
        V block[LANES];
        for (int l = 0; l < LANES; ++l) block[l] = l < lanes ? load_unaligned(from + l * step + x) : V{};
        transpose(block);
        for (int l = 0; l < LANES; ++l) store(to + int64_t(x + l) * LANES, block[l]);
    }
    for (; x < columns; ++x)
        for (int l = 0; l < LANES; ++l) to[int64_t(x) * LANES + l] = l < lanes ? from[l * step + x] : 0.0f;
}

static void from_strips(const View& value, float* planar, int first, int end, int item) {
    const int channel = item / value.rows, y = item % value.rows, lanes = lanes_at(value, y), columns = end - first;
    const int64_t step = int64_t(value.rows) * value.width;
    const float* from = pixel_at(value, channel, y, first);
    float* to = planar + (int64_t(channel) * value.height + y) * value.width + first;
    int x = 0;
    for (; x + LANES <= columns; x += LANES) {
        V block[LANES];
        for (int l = 0; l < LANES; ++l) block[l] = load(from + int64_t(x + l) * LANES);
        transpose(block);
        for (int l = 0; l < lanes; ++l) store_unaligned(to + l * step + x, block[l]);
    }
    for (; x < columns; ++x)
        for (int l = 0; l < lanes; ++l) to[l * step + x] = from[int64_t(x) * LANES + l];
}
