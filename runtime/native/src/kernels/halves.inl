// Values of BF16, the upper halves of float32. Needs packed.inl.

// Rounded to nearest, half to even, in the lower 16 bits; NaN stays NaN.
static inline VI half_bits(V v) {
    const VI bits = as_int(v), even = (bits >> 16) & 1;
    const VI nearest = (bits + 0x7FFF + even) >> 16;
    return (v == v ? nearest : VI{} + 0x7FC0) & 0xFFFF;
}

// Where a set of channels goes. A value of BF16 is made whole, so that a vector can always be stored.
static inline uint8_t* half_target(const View& view, int lane, int channel, int64_t y, int64_t x) {
    constexpr int block = VECTOR_BYTES / 2;
    return packed_at(view, 2, lane, channel / block, y, x) + channel % block * 2;
}

static void narrow_pixels(const Job& job, const PixelItem& at) {
    for (int block = 0; block < pixel_blocks(job.in0.channels, LANES); ++block)
        for (int l = 0; l < LANES; ++l) {
            const float* from = pixel_block_at(job.in0, l, block, at.y, at.x);
            uint8_t* to = half_target(job.out, l, block * LANES, at.y, at.x);
            for (int x = 0; x < at.columns; ++x, to += VECTOR_BYTES) {
                const VI halves = half_bits(load(from + x * LANES));
                for (int i = 0; i < LANES; ++i) reinterpret_cast<uint16_t*>(to)[i] = uint16_t(halves[i]);
            }
        }
}

static void narrow_run(const Job& job, int item, float*) {
    const PixelItem at = pixel_item(job, item);
    if (job.in0.layout == Layout::ByPixel) return narrow_pixels(job, at);
    pack_strips<2>(
        job, at, [](V numbers, float) { return half_bits(numbers); },
        [&](int lane, int block, int x, V halves) {
            store(reinterpret_cast<float*>(packed_at(job.out, 2, lane, block, at.y, x)), halves);
        });
}

static constexpr OpKernel narrow_kernel{pixel_items, narrow_run, nullptr};
