// Dense convolution with few outputs, stride 1. Needs dense.inl, for the size of its register blocks.
//
// Such a layer reads much and computes little, mostly at the size of the restored image. So its input is read in place
// wherever neither the border rule nor another strip's row is asked for; other rows are packed. A region is walked down row
// by row, so that what two rows of the output read is still in the L2 cache for the second. The sums of all outputs
// stay in registers for all taps.

constexpr FewOutputsTuning FEW_OUTPUTS_TUNING = {
    LANES,
    16,  // rows of a region
    24,  // its columns: a multiple of every block's
    512 << 10,
};
static_assert(FEW_OUTPUTS_TUNING.columns % DENSE_SUMS == 0);
static_assert(kFewOutputs == kDenseBlock);

// A row of the input of a region, for all channels.
struct InputRow {
    const float* data;
    int64_t plane;
};

static ConvGeometry few_outputs_geometry(const Op& op) { return conv_geometry(op.conv, LANES, 1, FEW_OUTPUTS_TUNING.columns); }

// What a register block is made of.
struct RowWeights {
    const float *weights, *bias;  // [row][channel][column][output]; [output] or null
    int rows, columns, channels;
};

// Sums of one register block over all taps, as [output][column][lane]. `rows`: the input of each kernel row; the block's
// first column begins `ahead` floats on. Held: see load_held().
template <int K, bool Held>
static void sum_outputs(const RowWeights& taps, const InputRow* rows, int64_t ahead, float* sums) {
    constexpr int C = DENSE_SUMS / K;
    V acc[K * C];
#pragma GCC unroll 32
    for (int i = 0; i < K * C; ++i) acc[i] = splat(taps.bias ? taps.bias[i / C] : 0.0f);
    const float* weight = taps.weights;
    for (int row = 0; row < taps.rows; ++row)
        for (int c = 0; c < taps.channels; ++c) {
            const float* p = rows[row].data + c * rows[row].plane + ahead;
            for (int column = 0; column < taps.columns; ++column, p += LANES, weight += K) {
                V held[K];
#pragma GCC unroll 32
                for (int k = 0; k < K; ++k) held[k] = splat(weight[k]);
#pragma GCC unroll 32
                for (int i = 0; i < C; ++i) {
                    const V x = Held ? load_held(p + i * LANES) : load(p + i * LANES);
#pragma GCC unroll 32
                    for (int k = 0; k < K; ++k) acc[k * C + i] += held[k] * x;
                }
            }
        }
#pragma GCC unroll 32
    for (int i = 0; i < K * C; ++i) store(sums + i * LANES, acc[i]);
}

// One row of a region: what `sum_outputs` makes of blocks beside each other.
template <int K>
static void few_outputs_row(const Job& job, const ConvGeometry& g, const Region& region, int y, const InputRow* rows, float* sums) {
    constexpr int C = DENSE_SUMS / K;
    const RowWeights taps{static_cast<const FewOutputs*>(job.weights)->weights, job.bias, g.kh, g.kw, job.in0.channels};
    for (int x = 0; x < region.columns; x += C) {
        sum_outputs<K, true>(taps, rows, int64_t(x) * LANES, sums);
        for (int k = 0; k < K; ++k)
            finish(job, k, y, region.x + x, region.columns - x < C ? region.columns - x : C, sums + k * C * LANES);
    }
}

// Whether all blocks of a region, for `outputs` outputs, lie within the columns of the input.
static bool inside(const Job& job, const ConvGeometry& g, const Region& region, int outputs) {
    const int first = region.x - g.left;
    const bool same_strips = job.in0.block * job.op->conv.shuffle == job.out.block;
    return same_strips && !job.in0.pixel && region.columns % (DENSE_SUMS / outputs) == 0 && first >= 0 &&
           first + region.columns + g.kw - 1 <= job.in0.width;
}

// Whether row t of the input can be read in place: it is the strips' own, and where it is beyond the image, so is what is made
// of it.
static bool in_place(const Job& job, const ConvGeometry& g, int first, int t) {
    const View& in = job.in0;
    const int r = job.op->conv.shuffle, top_row = t + g.top - g.kh + 1, first_made = top_row > first ? top_row : first;
    if (t < first || t >= first + in.block) return false;
    for (int l = 0; l < LANES; ++l)
        if (image_row(in, LANES, l, t) >= in.height && image_row(in, LANES, l, first_made) < job.out.height / r) return false;
    return true;
}

static Area few_outputs_area(const Job&) { return {FEW_OUTPUTS_TUNING.rows, FEW_OUTPUTS_TUNING.columns}; }

static int few_outputs_items(const Job& job) { return conv_regions(job, FEW_OUTPUTS_TUNING.rows, FEW_OUTPUTS_TUNING.columns); }

// Walks a region down, for blocks of `outputs` outputs: row(y, rows) for each of its rows.
template <class Row>
static void walk_down(const Job& job, const ConvGeometry& g, int outputs, const Region& region, float* packed, Row row) {
    const int64_t plane = int64_t(g.packed_columns) * LANES;
    const bool reads_in_place = inside(job, g, region, outputs);
    const int top = region.y - g.top, block = region.y / job.in0.block * job.in0.block;
    int ready = top;  // first row that is not yet packed, where it has to be
    for (int y = region.y; y < region.y + region.rows; ++y) {
        InputRow rows[kFewOutputsRows];
        for (int i = 0; i < g.kh; ++i) {
            const int t = y - g.top + i;
            if (reads_in_place && in_place(job, g, block, t)) {
                rows[i] = {pixel_at(job.in0, 0, t, region.x - g.left), job.in0.plane};
                continue;
            }
            float* held = packed + (t - top) % g.kh * job.in0.channels * plane;
            if (t >= ready) pack_row(job, g, 0, job.in0.channels, region, t, held, plane);
            rows[i] = {held, plane};
        }
        ready = y - g.top + g.kh;
        row(y, rows);
    }
}

static void few_outputs_region(const Job& job, const Region& region, float* scratch) {
    const ConvGeometry g = few_outputs_geometry(*job.op);
    walk_down(job, g, job.op->conv.made, region, scratch + DENSE_SUMS * LANES, [&](int y, const InputRow* rows) {
        switch (job.op->conv.made) {
            case 2: few_outputs_row<2>(job, g, region, y, rows, scratch); break;
            case 3: few_outputs_row<3>(job, g, region, y, rows, scratch); break;
            default: few_outputs_row<4>(job, g, region, y, rows, scratch);
        }
    });
}

static void few_outputs_run(const Job& job, int item, float* scratch) {
    const Region region = conv_region(job, item, FEW_OUTPUTS_TUNING.rows, FEW_OUTPUTS_TUNING.columns);
    if (concerns(job, region)) few_outputs_region(job, region, scratch);
}

static size_t few_outputs_scratch(const Job& job) {
    const ConvGeometry g = few_outputs_geometry(*job.op);
    return size_t(DENSE_SUMS) * LANES + size_t(g.kh) * job.in0.channels * g.packed_columns * LANES;
}
