// Packed values: where their channels lie, and from F32 to them. Needs by_pixel.inl.

constexpr int VECTOR_BYTES = 4 * LANES;

static inline uint8_t* packed_at(const View& view, int each, int lane, int block, int64_t y, int64_t x) {
    return reinterpret_cast<uint8_t*>(pixel_at(view, lane * packed_blocks(view.channels, each, LANES) + block, y, x));
}

// Rounded to float32, and not made one with what is done to it next: the same bits on every processor.
static inline V rounded(V v) {
#if defined(__x86_64__) || defined(__i386__)
    asm("" : "+v"(v));
#elif defined(__aarch64__)
    asm("" : "+w"(v));
#endif
    return v;
}

// Packs the numbers of strips. `bits`: what is stored of a channel's, in the lowest `Each` bytes. `put`: stores a block of a pixel.
template <int Each, typename Bits, typename Put>
static inline __attribute__((always_inline)) void pack_strips(const Job& job, const PixelItem& at, const Bits& bits,
                                                              const Put& put) {
    constexpr int WORD = 4 / Each;  // channels of a word
    const int channels = job.in0.channels;
    for (int block = 0; block < packed_blocks(channels, Each, LANES); ++block) {
        V words[PIXEL_RUN][LANES];  // of each, a lane's next channels
        for (int j = 0; j < LANES; ++j) {
            VI word[PIXEL_RUN] = {};
            for (int i = 0; i < WORD; ++i) {
                const int channel = (block * LANES + j) * WORD + i;
                if (channel >= channels) break;
                const float* from = pixel_at(job.in0, channel, at.y, at.x);
                const float factor = job.scale ? job.scale[channel] : 1.0f;
                for (int x = 0; x < at.columns; ++x) word[x] |= bits(load(from + x * LANES), factor) << (8 * Each * i);
            }
            for (int x = 0; x < at.columns; ++x) words[x][j] = as_float(word[x]);
        }
        for (int x = 0; x < at.columns; ++x) {
            transpose(words[x]);
            for (int l = 0; l < LANES; ++l) put(l, block, at.x + x, words[x][l]);
        }
    }
}
