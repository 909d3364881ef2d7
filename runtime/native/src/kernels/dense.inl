// Dense convolution. Needs region.inl.
//
// A register block is up to kDenseBlock output channels times pixels of one row: an input vector is loaded once for all
// channels, a weight once for all pixels, so that there are more FMAs than loads. The last block of a row reaches
// past the region's right edge, into what the packed buffer happens to hold; those sums are never stored.

#if LANES == 16 || defined(__aarch64__)
constexpr int DENSE_SUMS = 24;  // vectors, of 32 registers
#else
constexpr int DENSE_SUMS = 12;  // of 16
#endif

constexpr DenseTuning DENSE_TUNING = {
    LANES,
    1,
    DENSE_SUMS / kDenseBlock,
    LANES == 16 ? 6 : 8,  // rows of a region
    24,                   // its columns: a multiple of every block's
    64,                   // output channels whose sums are held at once
    LANES == 16 ? 48 << 10 : 32 << 10,
};
// Where both kernels take as long: at 25 of 32 weights with AVX-512, at 28 with AVX2 (3x3, 64 channels).
constexpr double TAP_COST = LANES == 16 ? 1.3 : 1.15;
static_assert(DENSE_TUNING.columns % DENSE_SUMS == 0);

// Sums of a region lie as [output][row][column][lane].
constexpr int64_t DENSE_PLANE = int64_t(DENSE_TUNING.rows) * DENSE_TUNING.columns * LANES;

// Sets the sums of one register block to `bias` (of the block's outputs, or null) and its taps, or adds the taps.
template <int K, bool Unit>
static void add_dense(const Dense& dense, const DenseBlock& block, const float* in, int pixel_step, bool set, const float* bias,
                      float* sums) {
    constexpr int C = DENSE_SUMS / K;
    const int64_t step = Unit ? LANES : pixel_step;
    V acc[K * C];
#pragma GCC unroll 32
    for (int i = 0; i < K * C; ++i)
        acc[i] = set ? splat(bias ? bias[i / C] : 0.0f) : load(sums + i / C * DENSE_PLANE + i % C * LANES);
    const int32_t *offset = dense.offsets + block.first_tap, *end = offset + block.taps;
    const float* weight = dense.weights + block.first_weight;
    for (; offset != end; ++offset, weight += K) {
        const float* p = in + *offset;
        V held[K < C ? K : C];  // the fewer of weights and pixels, for want of registers
        if constexpr (K < C) {
#pragma GCC unroll 32
            for (int k = 0; k < K; ++k) held[k] = splat(weight[k]);
#pragma GCC unroll 32
            for (int c = 0; c < C; ++c) {
                const V x = load(p + c * step);
#pragma GCC unroll 32
                for (int k = 0; k < K; ++k) acc[k * C + c] += held[k] * x;
            }
        } else {
#pragma GCC unroll 32
            for (int c = 0; c < C; ++c) held[c] = load(p + c * step);
#pragma GCC unroll 32
            for (int k = 0; k < K; ++k) {
                const V w = splat(weight[k]);
#pragma GCC unroll 32
                for (int c = 0; c < C; ++c) acc[k * C + c] += w * held[c];
            }
        }
    }
#pragma GCC unroll 32
    for (int i = 0; i < K * C; ++i) store(sums + i / C * DENSE_PLANE + i % C * LANES, acc[i]);
}

// What the blocks of a chunk add to the sums of a region.
struct DensePart {
    const Job& job;
    const Dense& dense;
    const ConvGeometry& geometry;
    const Region& region;
    const Panel& panel;
    const float* packed;
    bool set;     // first chunk
    float* sums;
};

template <int K>
static void add_dense_blocks(const DensePart& part, const DenseBlock* blocks, size_t count) {
    const ConvGeometry& s = part.geometry;
    for (int y = 0; y < part.region.rows; ++y)
        for (int x = 0; x < part.region.columns; x += DENSE_SUMS / K) {
            const float* in = part.packed + (int64_t(y) * s.sh * s.packed_columns + x * s.sw) * LANES;
            float* sums = part.sums + (int64_t(y) * DENSE_TUNING.columns + x) * LANES;
            for (const DenseBlock* block = blocks; block < blocks + count; ++block) {
                const float* bias = part.job.bias ? part.job.bias + block->first_output : nullptr;
                float* to = sums + (block->first_output - part.panel.first_output) * DENSE_PLANE;
                if (s.sw == 1) add_dense<K, true>(part.dense, *block, in, LANES, part.set, bias, to);
                else add_dense<K, false>(part.dense, *block, in, s.sw * LANES, part.set, bias, to);
            }
        }
}

static const Dense& dense_of(const Job& job) { return *static_cast<const Dense*>(job.weights); }

static ConvGeometry dense_geometry(const Op& op) { return conv_geometry(op.conv, LANES, DENSE_TUNING.rows, DENSE_TUNING.columns); }

// The input of a region, for the channels of one chunk, as [channel][row][column][lane].
static void pack(const Job& job, const ConvGeometry& s, const DenseChunk& chunk, const Region& region, float* packed) {
    const int rows = (region.rows - 1) * s.sh + (s.kh - 1) * s.dh + 1;
    for (int i = 0; i < rows; ++i)
        pack_row(job, s, chunk.first_channel, chunk.channels, region, region.y * s.sh - s.top + i,
                 packed + int64_t(i) * s.packed_columns * LANES, s.packed_plane);
}

static void dense_panel(const Job& job, const ConvGeometry& s, const Region& region, const Panel& panel, float* scratch) {
    float* packed = scratch + DENSE_PLANE * DENSE_TUNING.outputs;
    for (size_t i = 0; i < panel.chunks; ++i) {
        const DenseChunk& chunk = dense_of(job).chunks[panel.first_chunk + i];
        pack(job, s, chunk, region, packed);
        const DensePart part{job, dense_of(job), s, region, panel, packed, i == 0, scratch};
        const DenseBlock* blocks = dense_of(job).blocks + chunk.first_block;
        const size_t whole = panel.outputs / kDenseBlock;
        add_dense_blocks<kDenseBlock>(part, blocks, whole);
        switch (panel.outputs % kDenseBlock) {
            case 1: add_dense_blocks<1>(part, blocks + whole, 1); break;
            case 2: add_dense_blocks<2>(part, blocks + whole, 1); break;
            case 3: add_dense_blocks<3>(part, blocks + whole, 1); break;
            default: break;
        }
    }
    for (int k = 0; k < panel.outputs; ++k)
        for (int y = 0; y < region.rows; ++y)
            finish(job, panel.first_output + k, region.y + y, region.x, region.columns,
                   scratch + k * DENSE_PLANE + int64_t(y) * DENSE_TUNING.columns * LANES);
}

// Windows of one row share none with those below: flat regions cost nothing, and their sums stay in the cache.
static int dense_rows(const Job& job) { return job.op->conv.kernel_h == 1 ? 1 : DENSE_TUNING.rows; }

static int dense_items(const Job& job) { return conv_regions(job, dense_rows(job), DENSE_TUNING.columns); }

static void dense_region(const Job& job, const Region& region, float* scratch) {
    const ConvGeometry s = dense_geometry(*job.op);
    for (int i = 0; i < dense_of(job).panel_count; ++i) dense_panel(job, s, region, dense_of(job).panels[i], scratch);
}

static void dense_run(const Job& job, int item, float* scratch) {
    const Region region = conv_region(job, item, dense_rows(job), DENSE_TUNING.columns);
    if (concerns(job, region)) dense_region(job, region, scratch);
}

static Area dense_area(const Job& job) { return {dense_rows(job), DENSE_TUNING.columns}; }

static size_t dense_scratch(const Job& job) {
    const int channels = dense_of(job).chunks[0].channels;  // no chunk has more than the first
    return size_t(DENSE_PLANE) * DENSE_TUNING.outputs + size_t(channels) * dense_geometry(*job.op).packed_plane;
}
