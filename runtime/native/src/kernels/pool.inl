// Max and average pooling. Needs lanes.inl.

constexpr int MAX_WINDOW = 64;  // rows of a window; the plan's own bound

struct PoolRow {
    const float* from;  // first column held of the input row, rotated to the lanes that need it
    VI valid;           // lanes where the row lies in the image
};

// The input rows under output row y. Rows no lane has are left out. `counted`: of each lane's window, rows that a mean is
// taken over.
static int pool_rows(const Job& job, int channel, int y, PoolRow* rows, V& counted) {
    const View& in = job.in0;
    const PoolParams& p = job.op->pool;
    const bool padding = p.kind == PoolKind::AverageWithPadding;
    int found = 0;
    counted = V{};
    for (int r = 0; r < p.kernel_h; ++r) {
        const int t = y * p.stride_h - p.pad.top + r, q = floor_div(t, in.rows);
        const VI valid = valid_lanes(in, t);
        bool any = false;
        for (int l = 0; l < LANES; ++l) {
            const int row = l * in.rows + t;
            any |= valid[l] != 0;
            if (valid[l] || (padding && row >= -p.pad.top && row < in.height + p.pad.bottom)) counted[l] += 1.0f;
        }
        if (!any || q <= -LANES || q >= LANES) continue;
        rows[found++] = {pixel_at(in, channel, t - q * in.rows, in.first) + q, valid};
    }
    return found;
}

static int pool_items(const Job& job) { return job.out.channels * job.out.rows; }

static void pool_run(const Job& job, int item, float*) {
    const PoolParams& p = job.op->pool;
    const int channel = item / job.out.rows, y = item % job.out.rows, width = job.in0.width;
    const PoolKind kind = p.kind;
    PoolRow rows[MAX_WINDOW];
    V counted;
    const int count = pool_rows(job, channel, y, rows, counted);
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

static constexpr OpKernel pool_kernel{pool_items, pool_run, nullptr};
