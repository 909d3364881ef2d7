// Max and average pooling. Needs lanes.inl.

constexpr int MAX_WINDOW = 64;  // rows of a window; the plan's own bound

struct PoolRow {
    const float* from;  // first column held of the input row, rotated to the lanes that need it
    VI valid;           // lanes where the row lies in the image
};

// Copies a row of the input to where its lanes need it: that of image row `row` of lane l, where there is one.
static const float* pool_row_by_lane(const View& in, int channel, const int* row, VI valid, float* held) {
    for (int l = 0; l < LANES; ++l) {
        if (!valid[l]) continue;
        const RowPlace at = place_of_row(in, LANES, row[l]);
        const float* from = pixel_at(in, channel, at.row, in.first) + at.lane;
        for (int64_t x = 0; x < int64_t(in.pitch) * LANES; x += LANES) held[x + l] = from[x];
    }
    return held;
}

// Whether each lane's windows begin where its strip of the input does.
static bool pool_by_strips(const Job& job) {
    const View &in = job.in0, &out = job.out;
    return in.block == in.rows && out.block == out.rows && (in.pixel || in.rows == out.rows * job.op->pool.stride_h);
}

// The input rows under output row y. Rows no lane has are left out. `counted`: of each lane's window, rows that a mean is
// taken over. `held`: room for rows in case strips have none of their own.
static int pool_rows(const Job& job, int channel, int y, PoolRow* rows, V& counted, float* held) {
    const View &in = job.in0, &out = job.out;
    const PoolParams& p = job.op->pool;
    const bool padding = p.kind == PoolKind::AverageWithPadding, strips = pool_by_strips(job);
    int found = 0;
    counted = V{};
    for (int r = 0; r < p.kernel_h; ++r) {
        const int t = y * p.stride_h - p.pad.top + r, q = floor_div(t, in.rows);
        int row[LANES];
        VI valid{};
        bool any = false;
        for (int l = 0; l < LANES; ++l) {
            row[l] = strips ? l * in.rows + t : image_row(out, LANES, l, y) * p.stride_h - p.pad.top + r;
            const bool there = row[l] >= 0 && row[l] < in.height;
            valid[l] = there ? -1 : 0, any |= there;
            if (there || (padding && row[l] >= -p.pad.top && row[l] < in.height + p.pad.bottom)) counted[l] += 1.0f;
        }
        if (!any) continue;
        if (!strips) rows[found] = {pool_row_by_lane(in, channel, row, valid, held + int64_t(found) * in.pitch * LANES), valid};
        else if (q > -LANES && q < LANES) rows[found] = {pixel_at(in, channel, t - q * in.rows, in.first) + q, valid};
        else continue;
        ++found;
    }
    return found;
}

static int pool_items(const Job& job) { return job.out.channels * job.out.rows; }

static size_t pool_scratch(const Job& job) {
    return pool_by_strips(job) ? 0 : size_t(job.op->pool.kernel_h) * job.in0.pitch * LANES;
}

static void pool_run(const Job& job, int item, float* scratch) {
    const PoolParams& p = job.op->pool;
    const int channel = item / job.out.rows, y = item % job.out.rows, width = job.in0.width;
    const PoolKind kind = p.kind;
    PoolRow rows[MAX_WINDOW];
    V counted;
    const int count = pool_rows(job, channel, y, rows, counted, scratch);
    const V start = splat(kind == PoolKind::Max ? -__builtin_inff() : 0.0f);
    float* to = pixel_at(job.out, channel, y, job.from);
    for (int x = job.from; x < job.to; ++x, to += LANES) {
        const int left = x * p.stride_w - p.pad.left, right = left + p.kernel_w;
        const int first = left < 0 ? 0 : left, end = right < width ? right : width;
        V sum = start;
        for (int i = 0; i < count; ++i)
            for (int s = first; s < end; ++s) {
                const V v = select(rows[i].valid, load_unaligned(rows[i].from + int64_t(s - job.in0.first) * LANES), start);
                sum = kind == PoolKind::Max ? vmax(sum, v) : sum + v;
            }
        if (kind != PoolKind::Max) {
            const int padded = (right < width + p.pad.right ? right : width + p.pad.right) - left;
            sum /= counted * float(kind == PoolKind::Average ? end - first : padded);
        }
        store(to, sum);
    }
}

static constexpr OpKernel pool_kernel{pool_items, pool_run, pool_scratch};
