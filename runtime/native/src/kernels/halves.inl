// Values of BF16, the upper halves of float32. Needs packed.inl.

// Rounded to nearest, half to even, in the lower 16 bits; NaN stays NaN.
static inline VI half_bits(V v) {
    const VI bits = as_int(v), even = (bits >> 16) & 1;
    const VI nearest = (bits + 0x7FFF + even) >> 16;
    return (v == v ? nearest : VI{} + 0x7FC0) & 0xFFFF;
}

static void narrow_run(const Job& job, int item, float*) {
    const PixelItem at = pixel_item(job, item);
    pack_strips<2>(
        job, at, [](V numbers, float) { return half_bits(numbers); },
        [&](int lane, int block, int x, V halves) {
            store(reinterpret_cast<float*>(packed_at(job.out, 2, lane, block, at.y, x)), halves);
        });
}

static constexpr OpKernel narrow_kernel{pixel_items, narrow_run, nullptr};
