// Values of F32 by pixel: where they lie, and to strips and back. Needs convert.inl.

// A block of channels of a pixel.
static inline float* pixel_block_at(const View& view, int lane, int block, int64_t y, int64_t x) {
    return pixel_at(view, lane * pixel_blocks(view.channels, LANES) + block, y, x);
}

// An item is some columns of a strip row.
constexpr int PIXEL_RUN = 8;

static int pixel_chunks(const Job& job) { return (job.to - job.from + PIXEL_RUN - 1) / PIXEL_RUN; }

static int pixel_items(const Job& job) { return job.out.rows * pixel_chunks(job); }

// Strip row and columns of an item.
struct PixelItem {
    int y, x, columns;
};

static PixelItem pixel_item(const Job& job, int item) {
    const int x = job.from + item % pixel_chunks(job) * PIXEL_RUN, left = job.to - x;
    return {item / pixel_chunks(job), x, left < PIXEL_RUN ? left : PIXEL_RUN};
}

static void strips_to_pixels(const Job& job, const PixelItem& at) {
    const int channels = job.in0.channels;
    for (int block = 0; block < pixel_blocks(channels, LANES); ++block)
        for (int x = at.x; x < at.x + at.columns; ++x) {
            V found[LANES];
            for (int i = 0; i < LANES; ++i) {
                const int channel = block * LANES + i;
                found[i] = channel < channels ? load(pixel_at(job.in0, channel, at.y, x)) : V{};
            }
            transpose(found);
            for (int l = 0; l < LANES; ++l) store(pixel_block_at(job.out, l, block, at.y, x), found[l]);
        }
}

static void pixels_to_strips(const Job& job, const PixelItem& at) {
    const int channels = job.out.channels;
    for (int block = 0; block < pixel_blocks(channels, LANES); ++block)
        for (int x = at.x; x < at.x + at.columns; ++x) {
            V found[LANES];
            for (int l = 0; l < LANES; ++l) found[l] = load(pixel_block_at(job.in0, l, block, at.y, x));
            transpose(found);
            for (int i = 0; i < LANES && block * LANES + i < channels; ++i)
                store(pixel_at(job.out, block * LANES + i, at.y, x), found[i]);
        }
}

static void rearrange_run(const Job& job, int item, float*) {
    const PixelItem at = pixel_item(job, item);
    job.out.layout == Layout::ByPixel ? strips_to_pixels(job, at) : pixels_to_strips(job, at);
}

static constexpr OpKernel rearrange_kernel{pixel_items, rearrange_run, nullptr};
