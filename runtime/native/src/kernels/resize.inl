// Resizing: nearest, linear and cubic, separable, rows first. Needs lanes.inl.
//
// Each lane has source rows and weights of its own. Where all lanes read the same distance from their strips, which is
// so for every factor that strips are cut by, the row is read in place; otherwise it is gathered lane by lane.

enum class ResizeKind { Nearest = 0, Linear = 1, Cubic = 2 };
enum class Coordinates { HalfPixel = 0, PytorchHalfPixel = 1, AlignCorners = 2, Asymmetric = 3 };
enum class Rounding { PreferFloor = 0, Floor = 1, Ceil = 2, PreferCeil = 3 };

constexpr int MAX_TAPS = 4;

// Output pixel i comes from input pixel i * down / up, give or take the coordinates' half pixels.
struct Axis {
    int in, out;
    int64_t up, down;
};

// A coordinate as a fraction: which pixel is nearest must not hang on a rounding error.
struct Source {
    int64_t over, under;  // under > 0
};

struct AxisTaps {
    int index[MAX_TAPS];
    float weight[MAX_TAPS];
};

static inline int resize_taps(const Op& op) {
    return ResizeKind(op.p[1]) == ResizeKind::Nearest ? 1 : ResizeKind(op.p[1]) == ResizeKind::Linear ? 2 : 4;
}

static inline Axis resize_axis(const Op& op, int in, int out) {
    return {in, out, op.p[3] ? op.p[3] : out, op.p[3] ? op.p[4] : in};
}

static inline Source source_of(const Op& op, const Axis& axis, int64_t i) {
    switch (Coordinates(op.p[2])) {
        case Coordinates::PytorchHalfPixel:
            if (axis.out == 1) return {0, 1};
            break;
        case Coordinates::HalfPixel: break;
        case Coordinates::AlignCorners: return {axis.out > 1 ? i * (axis.in - 1) : 0, axis.out > 1 ? axis.out - 1 : 1};
        case Coordinates::Asymmetric: return {i * axis.down, axis.up};
    }
    return {(2 * i + 1) * axis.down - axis.up, 2 * axis.up};
}

static inline int64_t floor_of(Source x) { return x.over / x.under - (x.over % x.under < 0); }
static inline int64_t ceil_of(Source x) { return x.over / x.under + (x.over % x.under > 0); }

static inline int64_t round_source(const Op& op, Source x) {
    switch (Rounding(op.p[5])) {
        case Rounding::PreferFloor: return ceil_of({2 * x.over - x.under, 2 * x.under});
        case Rounding::Floor: return floor_of(x);
        case Rounding::Ceil: return ceil_of(x);
        case Rounding::PreferCeil: break;
    }
    return floor_of({2 * x.over + x.under, 2 * x.under});
}

// Keys' cubic with coefficient a, for 0 <= t < 1: the weights of pixels -1, 0, 1, 2.
static inline void cubic_weights(double t, double a, float* weight) {
    const double u = 1.0 + t, v = 1.0 - t, w = 2.0 - t;
    weight[0] = float(((a * u - 5.0 * a) * u + 8.0 * a) * u - 4.0 * a);
    weight[1] = float(((a + 2.0) * t - (a + 3.0)) * t * t + 1.0);
    weight[2] = float(((a + 2.0) * v - (a + 3.0)) * v * v + 1.0);
    weight[3] = float(((a * w - 5.0 * a) * w + 8.0 * a) * w - 4.0 * a);
}

static AxisTaps axis_taps(const Op& op, const Axis& axis, int i) {
    AxisTaps taps{{0, 0, 0, 0}, {1.0f, 0.0f, 0.0f, 0.0f}};
    const Source x = source_of(op, axis, i);
    const int count = resize_taps(op);
    const int64_t base = count == 1 ? round_source(op, x) : floor_of(x);
    const double t = double(x.over - base * x.under) / double(x.under);
    if (count == 2) taps.weight[0] = float(1.0 - t), taps.weight[1] = float(t);
    if (count == 4) cubic_weights(t, op.f[0], taps.weight);
    for (int k = 0; k < count; ++k) {
        const int64_t at = base + (count == 4 ? k - 1 : k);
        taps.index[k] = at < 0 ? 0 : at > axis.in - 1 ? axis.in - 1 : int(at);
    }
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
    const Axis axis = resize_axis(*job.op, in.height, out.height);
    const int count = resize_taps(*job.op);
    for (int k = 0; k < count; ++k) taps[k].uniform = !in.pixel;
    for (int l = 0; l < LANES; ++l) {
        const int lane_row = out.pixel ? 0 : l * out.rows + y;
        const bool wanted = lane_row < out.height;  // other lanes read what the first does
        const AxisTaps found = axis_taps(*job.op, axis, wanted ? lane_row : y);
        for (int k = 0; k < count; ++k) {
            taps[k].row[l] = found.index[k];
            taps[k].weight[l] = found.weight[k];
            if (l == 0) taps[k].t = found.index[k];
            else if (wanted && found.index[k] - l * in.rows != taps[k].t) taps[k].uniform = false;
        }
    }
    for (int k = 0; k < count; ++k) taps[k].uniform &= taps[k].t < in.rows * LANES;
}

// Row of a channel as one tap reads it: in place, or gathered into `held`.
static const float* fetch_row(const View& in, int channel, const RowTap& tap, float* held) {
    const float* plane = in.data + channel * in.plane;
    if (tap.uniform) {
        const int q = tap.t / in.rows;
        return plane + int64_t(tap.t - q * in.rows) * in.width * LANES + q;
    }
    for (int l = 0; l < LANES; ++l) {
        const float* from = plane + int64_t(tap.row[l] % in.rows) * in.width * LANES + tap.row[l] / in.rows;
        for (int x = 0; x < in.width; ++x) held[int64_t(x) * LANES + l] = from[int64_t(x) * LANES];
    }
    return held;
}

static int resize_items(const Job& job) { return job.out.rows; }

// [gathered rows of each tap][row combined][taps of each column]
static size_t resize_scratch(const Job& job) {
    const size_t row = size_t(job.in0.width) * LANES;
    return (MAX_TAPS + 1) * row + size_t(job.out.width) * sizeof(AxisTaps) / sizeof(float);
}

static void resize_columns(const View& out, int count, const AxisTaps* columns, const float* from, float* to) {
    for (int x = 0; x < out.width; ++x, to += LANES) {
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

static void resize_run(const Job& job, int y, float* scratch) {
    const View &in = job.in0, &out = job.out;
    const int count = resize_taps(*job.op);
    const int64_t row = int64_t(in.width) * LANES;
    float* combined = scratch + MAX_TAPS * row;
    AxisTaps* columns = reinterpret_cast<AxisTaps*>(combined + row);
    const Axis axis = resize_axis(*job.op, in.width, out.width);
    for (int x = 0; x < out.width; ++x) columns[x] = axis_taps(*job.op, axis, x);
    RowTap taps[MAX_TAPS];
    row_taps(job, y, taps);
    for (int c = 0; c < out.channels; ++c) {
        const float* rows[MAX_TAPS];
        for (int k = 0; k < count; ++k) rows[k] = fetch_row(in, c, taps[k], scratch + k * row);
        const float* from = rows[0];
        if (count > 1) {
            for (int64_t i = 0; i < row; i += LANES) {
                V sum = taps[0].weight * load_unaligned(rows[0] + i);
                for (int k = 1; k < count; ++k) sum += taps[k].weight * load_unaligned(rows[k] + i);
                store(combined + i, sum);
            }
            from = combined;
        }
        resize_columns(out, count, columns, from, out.data + c * out.plane + int64_t(y) * out.width * LANES);
    }
}
