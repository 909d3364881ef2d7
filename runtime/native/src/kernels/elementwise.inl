// Binary and Unary. Needs lanes.inl and activate.inl.
//
// A plane is cut into runs of consecutive floats; a run is combined first and activated then, while in the first-level
// cache. Lanes past the image's end are computed like all others.

constexpr int64_t RUN_FLOATS = 4096;

static inline int runs_of(const View& view) { return int((view.plane + RUN_FLOATS - 1) / RUN_FLOATS); }

struct Run {
    int channel;
    int64_t first, floats;  // within the plane
};

static inline Run run_of(const View& view, int item) {
    const int runs = runs_of(view);
    const int64_t first = item % runs * RUN_FLOATS, left = view.plane - first;
    return {item / runs, first, left < RUN_FLOATS ? left : RUN_FLOATS};
}

template <Act A>
static void activate_each(float* p, int64_t floats, const float* f, float slope) {
    for (int64_t i = 0; i < floats; i += LANES) store(p + i, activate(A, load(p + i), f, slope));
}

static void activate_run(const Job& job, float* p, int64_t floats, int channel) {
    const float* f = job.op->f;
    const float slope = job.slopes ? job.slopes[channel] : 0.0f;
    switch (job.op->act) {
        case Act::None: return;
        case Act::Relu: return activate_each<Act::Relu>(p, floats, f, slope);
        case Act::LeakyRelu: return activate_each<Act::LeakyRelu>(p, floats, f, slope);
        case Act::PRelu: return activate_each<Act::PRelu>(p, floats, f, slope);
        case Act::Clip: return activate_each<Act::Clip>(p, floats, f, slope);
        case Act::Sigmoid: return activate_each<Act::Sigmoid>(p, floats, f, slope);
        case Act::Tanh: return activate_each<Act::Tanh>(p, floats, f, slope);
        case Act::Gelu: return activate_each<Act::Gelu>(p, floats, f, slope);
        case Act::Silu: return activate_each<Act::Silu>(p, floats, f, slope);
        case Act::HardSigmoid: return activate_each<Act::HardSigmoid>(p, floats, f, slope);
        case Act::HardSwish: return activate_each<Act::HardSwish>(p, floats, f, slope);
        case Act::Sqrt: return activate_each<Act::Sqrt>(p, floats, f, slope);
    }
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

static int binary_items(const Job& job) { return job.out.channels * runs_of(job.out); }

static void binary_run(const Job& job, int item, float*) {
    const Run run = run_of(job.out, item);
    const Spread spread = Spread(job.op->p[2]);
    const float* a = job.in0.data + run.channel * job.in0.plane + run.first;
    const float* b = job.in1.data + (spread == Spread::Channel ? 0 : run.channel * job.in1.plane) +
                     (spread == Spread::Pixel ? 0 : run.first);
    float* to = job.out.data + run.channel * job.out.plane + run.first;
    const int64_t step = spread == Spread::Pixel ? 0 : LANES;
    switch (BinaryKind(job.op->p[1])) {
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

static int unary_items(const Job& job) { return job.out.channels * runs_of(job.out); }

static void unary_run(const Job& job, int item, float*) {
    const Run run = run_of(job.out, item);
    const float* from = job.in0.data + run.channel * job.in0.plane + run.first;
    float* to = job.out.data + run.channel * job.out.plane + run.first;
    const V scale = splat(job.scale ? job.scale[run.channel] : 1.0f);
    const V shift = splat(job.shift ? job.shift[run.channel] : 0.0f);
    for (int64_t i = 0; i < run.floats; i += LANES) store(to + i, load(from + i) * scale + shift);
    activate_run(job, to, run.floats, run.channel);
}
