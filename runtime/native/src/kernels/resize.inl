// Resizing: nearest, linear and cubic, separable, rows first. Needs lanes.inl.
//
// Each lane has source rows and weights of its own. Where all lanes read the same distance from their strips, which is
// so for every factor that strips are cut by, the row is read in place; otherwise it is gathered lane by lane.

constexpr int MAX_TAPS = 4;

struct AxisTaps {
    int index[MAX_TAPS];
    float weight[MAX_TAPS];
};

// Keys' cubic with coefficient a, for 0 <= t < 1: the weights of pixels -1, 0, 1, 2.
static inline void cubic_weights(double t, double a, float* weight) {
    const double u = 1.0 + t, v = 1.0 - t, w = 2.0 - t;
    weight[0] = float(((a * u - 5.0 * a) * u + 8.0 * a) * u - 4.0 * a);
    weight[1] = float(((a + 2.0) * t - (a + 3.0)) * t * t + 1.0);
    weight[2] = float(((a + 2.0) * v - (a + 3.0)) * v * v + 1.0);
    weight[3] = float(((a * w - 5.0 * a) * w + 8.0 * a) * w - 4.0 * a);
}

static AxisTaps axis_taps(const ResizeParams& p, const Axis& axis, int i) {
    AxisTaps taps{{0, 0, 0, 0}, {1.0f, 0.0f, 0.0f, 0.0f}};
    const Source x = source_of(p, axis, i);
    const int count = resize_taps(p);
    const int64_t base = resize_base(p, x);
    const double t = double(x.over - base * x.under) / double(x.under);
    if (count == 2) taps.weight[0] = float(1.0 - t), taps.weight[1] = float(t);
    if (count == 4) cubic_weights(t, p.cubic, taps.weight);
    for (int k = 0; k < count; ++k) taps.index[k] = resize_index(p, axis, base, k);
    return taps;
}

// Source row of each lane for one tap, and its weights.
struct RowTap {
    int row[LANES];
    V weight;
    bool uniform;  // all lanes at the same distance `t` from their strips
    int t;
};

static void row_taps(const Job& job, int y, RowTap* taps) {
    const View &in = job.in0, &out = job.out;
    const Axis axis = resize_axis(job.op->resize, in.height, out.height);
    const int count = resize_taps(job.op->resize);
    const bool strips = in.block == in.rows && out.block == out.rows;
    for (int k = 0; k < count; ++k) taps[k].uniform = !in.pixel && strips;
    for (int l = 0; l < LANES; ++l) {
        const int lane_row = out.pixel ? 0 : image_row(out, LANES, l, y);
        const bool wanted = lane_row < out.height;  // other lanes read what the first does
        const AxisTaps found = axis_taps(job.op->resize, axis, wanted ? lane_row : y < out.height ? y : 0);
        for (int k = 0; k < count; ++k) {
            taps[k].row[l] = found.index[k];
            taps[k].weight[l] = found.weight[k];
            if (l == 0) taps[k].t = found.index[k];
            else if (wanted && found.index[k] - l * in.rows != taps[k].t) taps[k].uniform = false;
        }
    }
    for (int k = 0; k < count; ++k) taps[k].uniform &= taps[k].t < in.rows * LANES;
}

// Columns from `first` on of a channel's row as one tap reads it: in place, or gathered into `held`.
static const float* fetch_row(const View& in, int channel, const RowTap& tap, int first, int columns, float* held) {
    if (tap.uniform) {
        const int q = tap.t / in.rows;
        return pixel_at(in, channel, tap.t - q * in.rows, first) + q;
    }
    for (int l = 0; l < LANES; ++l) {
        const RowPlace at = place_of_row(in, LANES, tap.row[l]);
        const float* from = pixel_at(in, channel, at.row, first) + at.lane;
        for (int x = 0; x < columns; ++x) held[int64_t(x) * LANES + l] = from[int64_t(x) * LANES];
    }
    return held;
}

static int resize_items(const Job& job) { return job.out.rows; }

// [gathered rows of each tap][row combined][taps of each column]
static size_t resize_scratch(const Job& job) {
    const size_t row = size_t(job.in0.pitch) * LANES;
    return (MAX_TAPS + 1) * row + size_t(job.out.pitch) * sizeof(AxisTaps) / sizeof(float);
}

static void resize_columns(int count, const AxisTaps* columns, int made, const float* from, float* to) {
    for (int x = 0; x < made; ++x, to += LANES) {
        const AxisTaps& taps = columns[x];
        if (count == 1) {
            store(to, load_unaligned(from + int64_t(taps.index[0]) * LANES));
            continue;
        }
        V sum = taps.weight[0] * load(from + int64_t(taps.index[0]) * LANES);
        for (int k = 1; k < count; ++k) sum += taps.weight[k] * load(from + int64_t(taps.index[k]) * LANES);
        store(to, sum);
    }
}

// Taps of the columns to make, counted from the first column that any of them reads; how many columns that are in `read`.
static int list_columns(const Job& job, int count, AxisTaps* columns, int& read) {
    const Axis axis = resize_axis(job.op->resize, job.in0.width, job.out.width);
    const int made = job.to - job.from;
    for (int x = 0; x < made; ++x) columns[x] = axis_taps(job.op->resize, axis, job.from + x);
    const int first = columns[0].index[0];
    read = columns[made - 1].index[count - 1] + 1 - first;
    for (int x = 0; x < made; ++x)
        for (int k = 0; k < count; ++k) columns[x].index[k] -= first;
    return first;
}

static void resize_run(const Job& job, int y, float* scratch) {
    const View &in = job.in0, &out = job.out;
    const int count = resize_taps(job.op->resize);
    const int64_t row = int64_t(in.pitch) * LANES;
    float* combined = scratch + MAX_TAPS * row;
    AxisTaps* columns = reinterpret_cast<AxisTaps*>(combined + row);
    int read;
    const int first = list_columns(job, count, columns, read);
    RowTap taps[MAX_TAPS];
    row_taps(job, y, taps);
    for (int c = 0; c < out.channels; ++c) {
        const float* rows[MAX_TAPS];
        for (int k = 0; k < count; ++k) rows[k] = fetch_row(in, c, taps[k], first, read, scratch + k * row);
        const float* from = rows[0];
        if (count > 1) {
            for (int64_t i = 0; i < int64_t(read) * LANES; i += LANES) {
                V sum = taps[0].weight * load_unaligned(rows[0] + i);
                for (int k = 1; k < count; ++k) sum += taps[k].weight * load_unaligned(rows[k] + i);
                store(combined + i, sum);
            }
            from = combined;
        }
        resize_columns(count, columns, job.to - job.from, from, pixel_at(out, c, y, job.from));
    }
}

static constexpr OpKernel resize_kernel{resize_items, resize_run, resize_scratch};
