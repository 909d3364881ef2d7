// Binary and Unary. Needs lanes.inl and activate.inl.
//
// An item is some rows of one channel, cut into runs; a run is combined first and activated then, while in the
// L1 cache. Lanes past the image's end are computed like all others.

constexpr int RUN_PIXELS = 4096 / LANES;

// Rows of an item: enough to make up a run.
static inline int rows_of_item(const Job& job) {
    const int rows = RUN_PIXELS / (job.to - job.from);
    return rows < 1 ? 1 : rows < job.out.rows ? rows : job.out.rows;
}

static inline int items_of_channel(const Job& job) {
    const int rows = rows_of_item(job);
    return (job.out.rows + rows - 1) / rows;
}

static int elementwise_items(const Job& job) { return job.out.channels * items_of_channel(job); }

struct Run {
    int channel, y, x;
    int64_t floats;
};

// Calls run(Run) for all of an item.
template <typename Each>
static inline void each_run(const Job& job, int item, Each run) {
    const int channels = job.out.channels, rows = rows_of_item(job), first = item / channels * rows;
    const int end = job.out.rows - first < rows ? job.out.rows : first + rows;
    for (int y = first; y < end; ++y)
        for (int x = job.from; x < job.to; x += RUN_PIXELS)
            run(Run{item % channels, y, x, int64_t(job.to - x < RUN_PIXELS ? job.to - x : RUN_PIXELS) * LANES});
}

template <Act A>
static void activate_each(float* p, int64_t floats, const Op& op, float slope) {
    for (int64_t i = 0; i < floats; i += LANES) store(p + i, activate(A, load(p + i), op, slope));
}

static void activate_run(const Job& job, float* p, int64_t floats, int channel) {
    const float slope = job.slopes ? job.slopes[channel] : 0.0f;
    if (job.op->act == Act::None) return;
    with_act(job.op->act, [&](auto act) { activate_each<decltype(act)::value>(p, floats, *job.op, slope); });
}

template <BinaryKind K>
static inline V binary(V a, V b) {
    switch (K) {
        case BinaryKind::Add: return a + b;
        case BinaryKind::Sub: return a - b;
        case BinaryKind::Mul: return a * b;
        case BinaryKind::Div: return a / b;
        case BinaryKind::Max: return vmax(a, b);
        case BinaryKind::Min: return vmin(a, b);
        case BinaryKind::RevSub: return b - a;
        case BinaryKind::RevDiv: return b / a;
    }
}

// `step`: floats from one vector of b to the next, 0 for a pixel.
template <BinaryKind K>
static void binary_each(const float* a, const float* b, int64_t step, float* to, int64_t floats) {
    if (step == 0) {
        const V pixel = load(b);
        for (int64_t i = 0; i < floats; i += LANES) store(to + i, binary<K>(load(a + i), pixel));
        return;
    }
    for (int64_t i = 0; i < floats; i += LANES) store(to + i, binary<K>(load(a + i), load(b + i)));
}

static void binary_part(const Job& job, const Run& run) {
    const Spread spread = job.op->binary.spread;
    const float* a = pixel_at(job.in0, run.channel, run.y, run.x);
    const float* b = spread == Spread::Pixel ? pixel_at(job.in1, run.channel, 0, 0)
                                             : pixel_at(job.in1, spread == Spread::Channel ? 0 : run.channel, run.y, run.x);
    float* to = pixel_at(job.out, run.channel, run.y, run.x);
    const int64_t step = spread == Spread::Pixel ? 0 : LANES;
    switch (job.op->binary.kind) {
        case BinaryKind::Add: binary_each<BinaryKind::Add>(a, b, step, to, run.floats); break;
        case BinaryKind::Sub: binary_each<BinaryKind::Sub>(a, b, step, to, run.floats); break;
        case BinaryKind::Mul: binary_each<BinaryKind::Mul>(a, b, step, to, run.floats); break;
        case BinaryKind::Div: binary_each<BinaryKind::Div>(a, b, step, to, run.floats); break;
        case BinaryKind::Max: binary_each<BinaryKind::Max>(a, b, step, to, run.floats); break;
        case BinaryKind::Min: binary_each<BinaryKind::Min>(a, b, step, to, run.floats); break;
        case BinaryKind::RevSub: binary_each<BinaryKind::RevSub>(a, b, step, to, run.floats); break;
        case BinaryKind::RevDiv: binary_each<BinaryKind::RevDiv>(a, b, step, to, run.floats); break;
    }
    activate_run(job, to, run.floats, run.channel);
}

static void binary_run(const Job& job, int item, float*) {
    each_run(job, item, [&](const Run& run) { binary_part(job, run); });
}

static constexpr OpKernel binary_kernel{elementwise_items, binary_run, nullptr};

static void unary_part(const Job& job, const Run& run) {
    const float* from = pixel_at(job.in0, run.channel, run.y, run.x);
    float* to = pixel_at(job.out, run.channel, run.y, run.x);
    const V scale = splat(job.scale ? job.scale[run.channel] : 1.0f);
    const V shift = splat(job.shift ? job.shift[run.channel] : 0.0f);
    for (int64_t i = 0; i < run.floats; i += LANES) store(to + i, load(from + i) * scale + shift);
    activate_run(job, to, run.floats, run.channel);
}

static void unary_run(const Job& job, int item, float*) {
    each_run(job, item, [&](const Run& run) { unary_part(job, run); });
}

static constexpr OpKernel unary_kernel{elementwise_items, unary_run, nullptr};
