// Max and average pooling. Needs lanes.inl.

constexpr int MAX_WINDOW = 64;  // rows of a window; the plan's own bound

enum class PoolKind { Max = 0, Average = 1, AverageWithPadding = 2 };

struct PoolRow {
    const float* from;  // first column held of the input row, rotated to the lanes that need it
    VI valid;           // lanes where the row lies in the image
};

// The input rows under output row y. Rows no lane has are left out. `counted`: of each lane's window, rows that a mean is
// taken over.
static int pool_rows(const Job& job, int channel, int y, PoolRow* rows, V& counted) {
    const View& in = job.in0;
    const int32_t* p = job.op->p;
    const bool padding = PoolKind(p[1]) == PoolKind::AverageWithPadding;
    int found = 0;
    counted = V{};
    for (int r = 0; r < p[2]; ++r) {
        const int t = y * p[4] - p[6] + r, q = floor_div(t, in.rows);
        const VI valid = valid_lanes(in, t);
        bool any = false;
        for (int l = 0; l < LANES; ++l) {
            const int row = l * in.rows + t;
            any |= valid[l] != 0;
            if (valid[l] || (padding && row >= -p[6] && row < in.height + p[8])) counted[l] += 1.0f;
        }
        if (!any || q <= -LANES || q >= LANES) continue;
        rows[found++] = {pixel_at(in, channel, t - q * in.rows, in.first) + q, valid};
    }
    return found;
}

static int pool_items(const Job& job) { return job.out.channels * job.out.rows; }

static void pool_run(const Job& job, int item, float*) {
    const int32_t* p = job.op->p;
    const int channel = item / job.out.rows, y = item % job.out.rows, width = job.in0.width;
    const PoolKind kind = PoolKind(p[1]);
    PoolRow rows[MAX_WINDOW];
    V counted;
    const int count = pool_rows(job, channel, y, rows, counted);
    const V start = splat(kind == PoolKind::Max ? -__builtin_inff() : 0.0f);
    float* to = pixel_at(job.out, channel, y, job.from);
    for (int x = job.from; x < job.to; ++x, to += LANES) {
        const int left = x * p[5] - p[7], right = left + p[3];
        const int first = left < 0 ? 0 : left, end = right < width ? right : width;
        V sum = start;
        for (int i = 0; i < count; ++i)
            for (int s = first; s < end; ++s) {
                const V v = select(rows[i].valid, load_unaligned(rows[i].from + int64_t(s - job.in0.first) * LANES), start);
                sum = kind == PoolKind::Max ? vmax(sum, v) : sum + v;
            }
        if (kind != PoolKind::Max) {
            const int padded = (right < width + p[9] ? right : width + p[9]) - left;
            sum /= counted * float(kind == PoolKind::Average ? end - first : padded);
        }
        store(to, sum);
    }
}
