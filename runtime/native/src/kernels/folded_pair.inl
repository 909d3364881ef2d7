// Folded convolution pairs (conv/folded_pair.hpp), as dense convolutions with few outputs: one for each output pixel of the
// shuffle. Needs few_outputs.inl.
//
// A block is made with the weights for the inside of the image. Where lanes or columns of it lie at the border, it is made once
// more with the border's weights, and those lanes or columns are taken from that.

// With as many registers as AVX-512 has, compilers keep what neighbouring columns share from one to the next, which is faster yet.
constexpr bool FOLDED_HELD = LANES != 16;

static const Folded& folded_of(const Job& job) { return *static_cast<const Folded*>(job.weights); }

// Of one row: which lanes lie at which border.
struct BorderLanes {
    VI mask[kBorders];
    bool any[kBorders];
};

static BorderLanes border_lanes(const View& in, int y) {
    BorderLanes at = {};
    for (int l = 0; l < LANES; ++l) {
        const int row = image_row(in, LANES, l, y), border = (row == 0 ? 1 : 0) | (row == in.height - 1 ? 2 : 0);
        at.mask[border][l] = -1;
        at.any[border] = true;
    }
    return at;
}

static int border_of(int x, int width) { return (x == 0 ? 1 : 0) | (x == width - 1 ? 2 : 0); }

// The weights of output pixel `pixel` of the shuffle at a border.
static RowWeights folded_weights(const Job& job, int down, int across, int pixel) {
    const Folded& folded = folded_of(job);
    const int pixels = job.op->conv.shuffle * job.op->conv.shuffle, outputs = job.op->conv.made / pixels;
    const size_t at = (size_t(down) * kBorders + across) * pixels + pixel;
    const size_t weights = size_t(folded.rows) * folded.columns * job.in0.channels * outputs;
    return {folded.weights + at * weights, folded.bias + at * outputs, folded.rows, folded.columns, job.in0.channels};
}

// Takes what lies at a border from blocks made with its weights. `x`: the block's first column in the image.
template <int K>
static void mend_block(const Job& job, const BorderLanes& lanes, int pixel, int x, const InputRow* rows, int64_t ahead, float* sums,
                       float* other) {
    constexpr int C = DENSE_SUMS / K;
    const int width = job.in0.width;
    bool columns_at[kBorders] = {};
    for (int column = 0; column < C; ++column) columns_at[border_of(x + column, width)] = true;
    for (int down = 0; down < kBorders; ++down)
        for (int across = 0; across < kBorders; ++across) {
            if ((!down && !across) || !lanes.any[down] || !columns_at[across]) continue;
            sum_outputs<K, FOLDED_HELD>(folded_weights(job, down, across, pixel), rows, ahead, other);
            for (int i = 0; i < K * C; ++i)
                if (border_of(x + i % C, width) == across)
                    store(sums + i * LANES, select(lanes.mask[down], load(other + i * LANES), load(sums + i * LANES)));
        }
}

// One row of a region.
template <int K>
static void folded_row(const Job& job, const Region& region, int y, const InputRow* rows, float* sums) {
    constexpr int C = DENSE_SUMS / K;
    const int r = job.op->conv.shuffle;
    const BorderLanes lanes = border_lanes(job.in0, y);
    for (int x = 0; x < region.columns; x += C)
        for (int pixel = 0; pixel < r * r; ++pixel) {
            const InputRow* from = rows + folded_of(job).top[pixel / r];
            const int64_t ahead = int64_t(x + folded_of(job).left[pixel % r]) * LANES;
            sum_outputs<K, FOLDED_HELD>(folded_weights(job, 0, 0, pixel), from, ahead, sums);
            mend_block<K>(job, lanes, pixel, region.x + x, from, ahead, sums, sums + DENSE_SUMS * LANES);
            for (int k = 0; k < K; ++k)
                finish(job, k * r * r + pixel % r * r + pixel / r, y, region.x + x, region.columns - x < C ? region.columns - x : C,
                       sums + k * C * LANES);
        }
}

static void folded_pair_region(const Job& job, const Region& region, float* scratch) {
    const ConvGeometry g = few_outputs_geometry(*job.op);
    const int outputs = job.op->conv.made / (job.op->conv.shuffle * job.op->conv.shuffle);
    walk_down(job, g, outputs, region, scratch + 2 * DENSE_SUMS * LANES, [&](int y, const InputRow* rows) {
        switch (outputs) {
            case 1: folded_row<1>(job, region, y, rows, scratch); break;
            case 2: folded_row<2>(job, region, y, rows, scratch); break;
            case 3: folded_row<3>(job, region, y, rows, scratch); break;
            default: folded_row<4>(job, region, y, rows, scratch);
        }
    });
}

static void folded_pair_run(const Job& job, int item, float* scratch) {
    const Region region = conv_region(job, item, FEW_OUTPUTS_TUNING.rows, FEW_OUTPUTS_TUNING.columns);
    if (concerns(job, region)) folded_pair_region(job, region, scratch);
}

static size_t folded_pair_scratch(const Job& job) { return size_t(DENSE_SUMS) * LANES + few_outputs_scratch(job); }
