// Padding and cropping. Needs lanes.inl.

// Where pixel i of the unpadded axis is read; -1: nowhere, it is the constant.
static inline int padded_index(PadKind kind, int i, int size) {
    if (i >= 0 && i < size) return i;
    if (kind == PadKind::Constant) return -1;
    if (kind == PadKind::Edge) return i < 0 ? 0 : size - 1;
    return i < 0 ? -i : 2 * (size - 1) - i;
}

static int pad_items(const Job& job) { return job.out.channels * job.out.rows; }

// Every lane reads its own row, or the constant where `row` is -1.
static void pad_row_by_lane(const Job& job, int channel, const int* row, float* to) {
    const View& in = job.in0;
    const PadKind kind = job.op->pad.kind;
    const int left = pad_amount(job.op->pad, &Sides::left, in.width);
    for (int l = 0; l < LANES; ++l) {
        const RowPlace at = place_of_row(in, LANES, row[l] < 0 ? 0 : row[l]);
        const float* from = pixel_at(in, channel, at.row, in.first) + at.lane;
        for (int x = job.from; x < job.to; ++x) {
            const int column = row[l] < 0 ? -1 : padded_index(kind, x - left, in.width);
            to[int64_t(x - job.from) * LANES + l] = column < 0 ? job.op->pad.value : from[int64_t(column - in.first) * LANES];
        }
    }
}

// All lanes read the same row of their strips or a row at the same distance from it.
static void pad_row_of_strips(const Job& job, int channel, int t, int q, float* to) {
    const View& in = job.in0;
    const PadKind kind = job.op->pad.kind;
    const float* from = pixel_at(in, channel, t - q * in.rows, in.first) + q;
    const int left = pad_amount(job.op->pad, &Sides::left, in.width);
    for (int x = job.from; x < job.to; ++x, to += LANES) {
        const int column = padded_index(kind, x - left, in.width);
        const V v = column < 0 ? splat(job.op->pad.value) : load_unaligned(from + int64_t(column - in.first) * LANES);
        store(to, v);
    }
}

static void pad_run(const Job& job, int item, float*) {
    const View &in = job.in0, &out = job.out;
    const int channel = item / out.rows, y = item % out.rows;
    const int t = y - pad_amount(job.op->pad, &Sides::top, in.height), q = floor_div(t, in.rows);
    float* to = pixel_at(out, channel, y, job.from);
    bool inside = out.block == out.rows && out.rows == in.block;  // and every lane that has an output row reads the image proper
    int row[LANES];
    for (int l = 0; l < LANES; ++l) {
        const int made = image_row(out, LANES, l, y), read = made + t - y;
        row[l] = made < out.height ? padded_index(job.op->pad.kind, read, in.height) : -1;
        inside &= made >= out.height || (row[l] >= 0 && row[l] == read);
    }
    if (inside && q > -LANES && q < LANES) pad_row_of_strips(job, channel, t, q, to);
    else pad_row_by_lane(job, channel, row, to);
}

static constexpr OpKernel pad_kernel{pad_items, pad_run, nullptr};
