// Planar images to strips and back. Needs lanes.inl.
//
// Planes hold images upright, strips on their side (plan/turn.hpp): column x of a value is row x of its planes. LANES strip rows are
// the transpose of LANES runs of that row, one from each strip. Blocks of LANES x LANES are transposed by interleaving: after
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

static inline __attribute__((always_inline)) void transpose(V* block) {
    for (int half = 1; half < LANES; half *= 2) {
        V next[LANES];
        for (int i = 0; i < LANES / 2; ++i) {
            next[2 * i] = interleave_low(block[i], block[i + LANES / 2]);
            next[2 * i + 1] = interleave_high(block[i], block[i + LANES / 2]);
        }
        for (int i = 0; i < LANES; ++i) block[i] = next[i];
    }
}

// LANES pixels of a row of `size`, from `at` on; 0 beyond its end.
static inline V pixels_from(const float* row, int at, int size) {
    if (at + LANES <= size) return load_unaligned(row + at);
    V pixels{};
    for (int i = 0; at + i < size; ++i) pixels[i] = row[at + i];
    return pixels;
}

// The first `count` of them, as far as the row goes.
static inline void pixels_to(float* row, int at, int size, int count, V pixels) {
    if (count == LANES && at + LANES <= size) return store_unaligned(row + at, pixels);
    for (int i = 0; i < count && at + i < size; ++i) row[at + i] = pixels[i];
}

// Items of a block.
static inline int block_items(const View& value) { return (value.block + LANES - 1) / LANES; }

static int strip_items(const View& value) { return value.channels * (value.rows / value.block) * block_items(value); }

// Strip rows of one item: LANES at most, which in each lane lie beside each other in a row of the planes.
struct StripRows {
    int channel, y, count;
};

static inline StripRows strip_rows(const View& value, int item) {
    const int parts = block_items(value), blocks = value.rows / value.block;
    const int part = item % parts, block = item / parts % blocks, left = value.block - part * LANES;
    return {item / parts / blocks, block * value.block + part * LANES, left < LANES ? left : LANES};
}

static inline float* plane_row(const Planes& planes, const View& value, int channel, int x) {
    return planes.data + channel * planes.plane + int64_t(x - planes.first) * value.height;
}

// Lanes without a pixel become 0.
static void to_strips(const Planes& planes, const View& value, int from, int to, int item) {
    const StripRows at = strip_rows(value, item);
    for (int x = from; x < to; ++x) {
        const float* row = plane_row(planes, value, at.channel, x);
        V block[LANES];
        for (int l = 0; l < LANES; ++l) block[l] = pixels_from(row, image_row(value, LANES, l, at.y), value.height);
        transpose(block);
        for (int i = 0; i < at.count; ++i) store(pixel_at(value, at.channel, at.y + i, x), block[i]);
    }
}

static void from_strips(const View& value, const Planes& planes, int from, int to, int item) {
    const StripRows at = strip_rows(value, item);
    for (int x = from; x < to; ++x) {
        float* row = plane_row(planes, value, at.channel, x);
        V block[LANES];
        for (int i = 0; i < LANES; ++i) block[i] = i < at.count ? load(pixel_at(value, at.channel, at.y + i, x)) : V{};
        transpose(block);
        for (int l = 0; l < LANES; ++l) pixels_to(row, image_row(value, LANES, l, at.y), value.height, at.count, block[l]);
    }
}
