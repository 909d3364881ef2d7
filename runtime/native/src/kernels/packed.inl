// Packed values: where their channels lie, and from F32 to them. Needs convert.inl.

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

constexpr int CONVERTED = 8;  // columns that are converted at once

static int converted_chunks(const Job& job) { return (job.to - job.from + CONVERTED - 1) / CONVERTED; }

static int converted_items(const Job& job) { return job.out.rows * converted_chunks(job); }

// Strip row and columns of an item.
struct ConvertedItem {
    int y, x, columns;
};

static ConvertedItem converted_item(const Job& job, int item) {
    const int x = job.from + item % converted_chunks(job) * CONVERTED, left = job.to - x;
    return {item / converted_chunks(job), x, left < CONVERTED ? left : CONVERTED};
}

// `bits`: what is stored of a channel's numbers, in the lowest `Each` bytes.
template <int Each, typename Bits>
static inline __attribute__((always_inline)) void pack_channels(const Job& job, int item, const Bits& bits) {
    constexpr int WORD = 4 / Each;  // channels of a word
    const ConvertedItem at = converted_item(job, item);
    const int channels = job.in0.channels;
    for (int block = 0; block < packed_blocks(channels, Each, LANES); ++block) {
        V words[CONVERTED][LANES];  // of each, a lane's next channels
        for (int j = 0; j < LANES; ++j) {
            VI word[CONVERTED] = {};
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
            for (int l = 0; l < LANES; ++l)
                store(reinterpret_cast<float*>(packed_at(job.out, Each, l, block, at.y, at.x + x)), words[x][l]);
        }
    }
}
