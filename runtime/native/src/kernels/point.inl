// 1x1 convolution with stride 1 by taps. Needs taps.inl, for the size of its regions.
//
// A pixel's input is only that pixel in all channels. Runs of POINT_RUN pixels and of some shorter lengths are read in place; others
// are copied first, and computed as the next longer.
// Each output is computed whole, its sums never leaving registers before the epilogue.

constexpr int POINT_RUN = TUNING.columns;
static_assert(POINT_RUN >= 8, "shorter runs have room where this one has");

// Copies pixels of `channels` channels to [channel][POINT_RUN][lane]; what lies past `columns` stays as it was.
static void copy_run(const View& in, int first_channel, int channels, int y, int x, int columns, float* to) {
    for (int c = 0; c < channels; ++c, to += POINT_RUN * LANES) {
        const float* from = pixel_at(in, first_channel + c, y, x);
        for (int i = 0; i < columns; ++i) store(to + i * LANES, load(from + i * LANES));
    }
}

// With more channels a run does not stay in the L1 cache, and comes from memory where all blocks of a network end.
constexpr int POINT_FAR = 128;

// Asks for share k of `shares` of the channels of a run, for the L2 cache.
__attribute__((always_inline)) static inline void expect_run(const View& in, const Chunk& chunk, int y, int x, int k, int shares) {
    const int first = chunk.channels * k / shares, end = chunk.channels * (k + 1) / shares;
    for (int c = first; c < end; ++c) {
        const float* from = pixel_at(in, chunk.first_channel + c, y, x);
        for (int i = 0; i < POINT_RUN; ++i) __builtin_prefetch(from + i * LANES, 0, 2);
    }
}

// The sums of one output over C pixels of a run, from its bias. `plane`: floats from one channel of the run to the next.
template <int C>
static void sum_list(const TapList& list, const Taps& taps, const float* in, int64_t plane, float bias, float* sums) {
    const uint64_t* word = taps.offsets + list.first_quad;
    const float* weight = taps.weights + int64_t(list.first_quad) * kQuad;
    V acc[C];
#pragma GCC unroll 32
    for (int i = 0; i < C; ++i) acc[i] = splat(bias);
    const auto quad = [&](int count) __attribute__((always_inline)) {
        uint64_t offsets = *word++;
#pragma GCC unroll 4
        for (int j = 0; j < count; ++j, offsets >>= 16) {
            const V w = splat(weight[j]);
            const float* p = in + int64_t(offsets & 0xffff) * plane;
#pragma GCC unroll 32
            for (int i = 0; i < C; ++i) acc[i] += w * load(p + i * LANES);
        }
        weight += kQuad;
    };
    for (uint32_t q = list.taps / kQuad; q > 0; --q) quad(kQuad);
    if (list.taps % kQuad) quad(int(list.taps % kQuad));
#pragma GCC unroll 32
    for (int i = 0; i < C; ++i) store(sums + i * LANES, acc[i]);
}

static size_t point_scratch(const Job& job) {
    return size_t(taps_of(job).chunks[0].channels + 1) * POINT_RUN * LANES;  // one chunk a group, all alike
}

template <int C>
static void point_columns(const Job& job, const Region& region, float* scratch) {
    float* copy = scratch + POINT_RUN * LANES;
    const bool in_place = region.columns == C;
    const int64_t plane = in_place ? job.in0.plane : POINT_RUN * LANES;
    const Taps& taps = taps_of(job);
    for (int i = 0; i < taps.chunk_count; ++i) {
        const Chunk& chunk = taps.chunks[i];
        const TapList* lists = taps.lists + chunk.first_list;
        for (int y = region.y; y < region.y + region.rows; ++y) {
            if (!in_place) copy_run(job.in0, chunk.first_channel, chunk.channels, y, region.x, region.columns, copy);
            const float* in = in_place ? pixel_at(job.in0, chunk.first_channel, y, region.x) : copy;
            for (int k = 0; k < chunk.outputs; ++k) {
                const int output = int(lists[k].output);
                if (chunk.channels > POINT_FAR) expect_run(job.in0, chunk, y + 1, region.x, k, chunk.outputs);
                if (k + 1 < chunk.outputs) expect_operand(job, int(lists[k + 1].output), y, region.x, region.columns);
                sum_list<C>(lists[k], taps, in, plane, job.bias ? job.bias[output] : 0.0f, scratch);
                finish(job, output, y, region.x, region.columns, scratch);
            }
        }
    }
}

static void point_region(const Job& job, const Region& region, float* scratch) {
    if (region.columns > 8) point_columns<POINT_RUN>(job, region, scratch);
    else if (region.columns > 4) point_columns<8>(job, region, scratch);
    else point_columns<4>(job, region, scratch);
}

static void point_run(const Job& job, int item, float* scratch) {
    const Region region = conv_region(job, item, TUNING.rows, TUNING.columns);
    if (concerns(job, region)) point_region(job, region, scratch);
}
