// Convolution by taps. Needs lanes.inl and activate.inl.
//
// The output is cut into regions of a few rows and columns. For each chunk of input channels the region's input is packed
// into a buffer that stays in the second-level cache: there the border rule is applied and neighbouring strips' rows are
// fetched, so that the inner loop knows neither. Then blocks of WIDE columns are computed for one output channel after
// the other: the chunk's input of one block and the block's sums fit together into the first-level cache. A tap costs
// one broadcast and WIDE multiply-adds on aligned vectors, with the sums in registers.

constexpr int WIDE = 12;  // columns of a register block

constexpr ConvTuning TUNING = {
    LANES,
    WIDE,
    LANES == 16 ? 4 : 8,    // rows of a region
    2 * WIDE,               // its columns
    LANES == 16 ? 32 : 64,  // output channels whose sums are held at once
    24 << 10,               // bytes of a chunk's input of one register block: half of a first-level cache
};

// Sums of one output channel over N columns of one row. `scale`: floats per unit of Tap::offset; `step`: between columns.
template <int N, bool Direct>
static void add_taps(const float* in, int64_t scale, int step, const Tap* tap, const Tap* end, float* sums) {
    V acc[N];
#pragma GCC unroll 16
    for (int i = 0; i < N; ++i) acc[i] = load(sums + i * LANES);
    for (; tap != end; ++tap) {
        const V w = splat(tap->weight);
        const float* p = in + (Direct ? tap->offset * scale : int64_t(tap->offset));
#pragma GCC unroll 16
        for (int i = 0; i < N; ++i) acc[i] += w * load(p + int64_t(i) * step);
    }
#pragma GCC unroll 16
    for (int i = 0; i < N; ++i) store(sums + i * LANES, acc[i]);
}

template <int N>
static void add_taps_of(bool direct, bool unit, const float* in, int64_t scale, int step, const Tap* tap, const Tap* end,
                        float* sums) {
    if (direct) add_taps<N, true>(in, scale, LANES, tap, end, sums);
    else if (unit) add_taps<N, false>(in, 0, LANES, tap, end, sums);
    else add_taps<N, false>(in, 0, step, tap, end, sums);
}

static void add_taps_any(int columns, bool direct, int step, const float* in, int64_t scale, const Tap* tap,
                         const Tap* end, float* sums) {
    const bool unit = step == LANES;
    while (columns > 0) {
        const int n = columns >= 12 ? 12 : columns >= 8 ? 8 : columns >= 4 ? 4 : columns >= 2 ? 2 : 1;
        switch (n) {
            case 12: add_taps_of<12>(direct, unit, in, scale, step, tap, end, sums); break;
            case 8: add_taps_of<8>(direct, unit, in, scale, step, tap, end, sums); break;
            case 4: add_taps_of<4>(direct, unit, in, scale, step, tap, end, sums); break;
            case 2: add_taps_of<2>(direct, unit, in, scale, step, tap, end, sums); break;
            default: add_taps_of<1>(direct, unit, in, scale, step, tap, end, sums);
        }
        columns -= n;
        in += int64_t(n) * step;
        sums += n * LANES;
    }
}

struct Region {
    int y, rows, x, columns;
};

// The input of a region, for the channels of one chunk, as [channel][row][column][lane] in `packed`.
static void pack(const Job& job, const ConvGeometry& s, const Chunk& chunk, const Region& region, float* packed) {
    const View& in = job.in0;
    const int rows = (region.rows - 1) * s.sh + (s.kh - 1) * s.dh + 1;
    const int columns = (region.columns - 1) * s.sw + (s.kw - 1) * s.dw + 1;
    const int x0 = region.x * s.sw - s.left, before = x0 < 0 ? (-x0 < columns ? -x0 : columns) : 0;
    const int inside = in.width - x0 < columns ? in.width - x0 : columns;  // first column after the image
    for (int i = 0; i < rows; ++i) {
        const int t = region.y * s.sh - s.top + i, q = floor_div(t, in.rows), row = t - q * in.rows;
        const VI valid = valid_lanes(in, t);
        bool all = true, none = true;
        for (int l = 0; l < LANES; ++l) valid[l] ? none = false : all = false;
        none |= q <= -LANES || q >= LANES || inside <= before;
        for (int c = 0; c < chunk.channels; ++c) {
            float* to = packed + c * s.packed_plane + int64_t(i) * s.packed_columns * LANES;
            if (none) {
                std::memset(to, 0, sizeof(float) * columns * LANES);
                continue;
            }
            const float* from = in.data + (chunk.first_channel + c) * in.plane + (int64_t(row) * in.width + x0) * LANES;
            if (before > 0) std::memset(to, 0, sizeof(float) * before * LANES);
            if (inside < columns) std::memset(to + inside * LANES, 0, sizeof(float) * (columns - inside) * LANES);
            if (all && q == 0)
                for (int x = before; x < inside; ++x) store(to + x * LANES, load(from + x * LANES));
            else
                for (int x = before; x < inside; ++x)
                    store(to + x * LANES, as_float(valid & as_int(load_unaligned(from + x * LANES + q))));
        }
    }
}

// Combine, activate, shuffle and store the sums of one output channel over one register block.
static void finish(const Job& job, const ConvGeometry& s, int k, int y, int x, int columns, const float* sums) {
    const Op& op = *job.op;
    const Combine combine = Combine(op.p[14]);
    const float slope = job.slopes ? job.slopes[k] : 0.0f;
    const int r = s.shuffle, channel = k / (r * r), dy = k % (r * r) / r, dx = k % r;
    float* to = job.out.data + channel * job.out.plane + (int64_t(y * r + dy) * job.out.width + x * r + dx) * LANES;
    const float* other = nullptr;
    if (combine != Combine::None)
        other = job.in1.data + channel * job.in1.plane + (int64_t(y * r + dy) * job.in1.width + x * r + dx) * LANES;
    for (int i = 0; i < columns; ++i, to += r * LANES, sums += LANES) {
        V v = load(sums);
        if (combine == Combine::AddThenAct) v += load(other + i * r * LANES);
        v = activate(op.act, v, op.f, slope);
        if (combine == Combine::ActThenAdd) v += load(other + i * r * LANES);
        if (combine == Combine::ActThenMul) v *= load(other + i * r * LANES);
        store(to, v);
    }
}

static void conv_outputs(const Job& job, const ConvGeometry& s, const Region& region, int first, int last, float* scratch) {
    const Taps& plan = job.taps;
    const int blocks = (region.columns + WIDE - 1) / WIDE, count = last - first;
    float* sums = scratch;  // [row][block][output][column][lane]
    float* packed = scratch + int64_t(TUNING.rows) * TUNING.columns * TUNING.outputs * LANES;
    const auto block_sums = [&](int row, int block) { return sums + (row * blocks + block) * int64_t(count) * WIDE * LANES; };
    for (int row = 0; row < region.rows; ++row)
        for (int block = 0; block < blocks; ++block)
            for (int k = 0; k < count; ++k) {
                const V b = splat(job.bias ? job.bias[first + k] : 0.0f);
                float* to = block_sums(row, block) + int64_t(k) * WIDE * LANES;
                for (int i = 0; i < WIDE; ++i) store(to + i * LANES, b);
            }
    for (int i = 0; i < plan.chunk_count; ++i) {
        const Chunk& chunk = plan.chunks[i];
        const int from = first > chunk.first_output ? first : chunk.first_output;
        const int end = chunk.first_output + chunk.outputs, to = last < end ? last : end;
        if (from >= to) continue;
        if (!plan.direct) pack(job, s, chunk, region, packed);
        const int step = plan.direct ? LANES : s.sw * LANES;
        for (int row = 0; row < region.rows; ++row)
            for (int block = 0; block < blocks; ++block) {
                const int x = block * WIDE, columns = region.columns - x < WIDE ? region.columns - x : WIDE;
                const float* in =
                    plan.direct ? job.in0.data + chunk.first_channel * job.in0.plane +
                                      (int64_t(region.y + row) * job.in0.width + region.x + x) * LANES
                                : packed + (int64_t(row) * s.sh * s.packed_columns + x * s.sw) * LANES;
                float* into = block_sums(row, block);
                for (int k = from; k < to; ++k) {
                    const uint32_t* start = &plan.starts[chunk.first_start + (k - chunk.first_output)];
                    add_taps_any(columns, plan.direct, step, in, job.in0.plane, plan.taps + start[0], plan.taps + start[1],
                                 into + int64_t(k - first) * WIDE * LANES);
                }
            }
    }
    for (int row = 0; row < region.rows; ++row)
        for (int block = 0; block < blocks; ++block) {
            const int x = block * WIDE, columns = region.columns - x < WIDE ? region.columns - x : WIDE;
            for (int k = 0; k < count; ++k)
                finish(job, s, first + k, region.y + row, region.x + x, columns,
                       block_sums(row, block) + int64_t(k) * WIDE * LANES);
        }
}

// Rows and width of the output before the shuffle.
static int conv_rows(const Job& job) { return job.out.rows / job.op->p[15]; }
static int conv_width(const Job& job) { return job.out.width / job.op->p[15]; }

static int conv_items(const Job& job) {
    return ((conv_rows(job) + TUNING.rows - 1) / TUNING.rows) * ((conv_width(job) + TUNING.columns - 1) / TUNING.columns);
}

static size_t conv_scratch(const Job& job) {
    const ConvGeometry s = conv_geometry(*job.op, TUNING);
    int channels = 0;
    for (int i = 0; i < job.taps.chunk_count; ++i)
        channels = job.taps.chunks[i].channels > channels ? job.taps.chunks[i].channels : channels;
    return size_t(TUNING.rows) * TUNING.columns * TUNING.outputs * LANES + (job.taps.direct ? 0 : size_t(channels) * s.packed_plane);
}

static void conv_run(const Job& job, int item, float* scratch) {
    const ConvGeometry s = conv_geometry(*job.op, TUNING);
    const int width = conv_width(job), across = (width + TUNING.columns - 1) / TUNING.columns;
    Region region{item / across * TUNING.rows, TUNING.rows, item % across * TUNING.columns, TUNING.columns};
    if (conv_rows(job) - region.y < TUNING.rows) region.rows = conv_rows(job) - region.y;
    if (width - region.x < TUNING.columns) region.columns = width - region.x;
    for (int k = 0; k < job.op->p[1]; k += TUNING.outputs)
        conv_outputs(job, s, region, k, k + TUNING.outputs < job.op->p[1] ? k + TUNING.outputs : job.op->p[1], scratch);
}
