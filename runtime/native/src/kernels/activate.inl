// Activation functions on vectors. Needs lanes.inl.

// exp(x), relative error below 2e-7; saturates outside [-87, 87], where neither it nor its reciprocal is a subnormal number, which take
// processors a hundred times as long.
static inline V vexp(V x) {
    x = vmin(vmax(x, splat(-87.0f)), splat(87.0f));
    const V magic = splat(12582912.0f);  // 1.5 * 2^23: adding it leaves the nearest integer in the low bits
    const V shifted = x * 1.44269504088896341f + magic;
    const V n = shifted - magic;
    const V r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    V p = splat(8.312501489e-3f);
    p = p * r + 4.1890332360e-2f;
    p = p * r + 1.66671153895e-1f;
    p = p * r + 4.99992303037e-1f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    return as_float(as_int(p) + (as_int(shifted) << 23));  // p * 2^n
}

static inline V vsigmoid(V x) { return 1.0f / (1.0f + vexp(-x)); }

static inline V vabs(V x) { return as_float(as_int(x) & 0x7fffffff); }

static inline V vtanh(V x) {
    const V e = vexp(-2.0f * vabs(x));
    const V large = (1.0f - e) / (1.0f + e);
    const V x2 = x * x;  // near 0 the quotient cancels
    const V small = vabs(x) * (1.0f + x2 * (-0.333333333f + x2 * (0.133333333f + x2 * -0.053968254f)));
    const V magnitude = select(vabs(x) < 0.2f, small, large);
    return as_float(as_int(magnitude) | (as_int(x) & INT32_MIN));
}

// erf by Abramowitz and Stegun 7.1.26, absolute error below 2e-7.
static inline V verf(V x) {
    const V a = vabs(x);
    const V t = 1.0f / (1.0f + 0.3275911f * a);
    V p = splat(1.061405429f);
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    const V magnitude = 1.0f - p * t * vexp(vmax(-a * a, splat(-64.0f)));  // what is less is subnormal, and no less to 1
    return as_float(as_int(magnitude) | (as_int(x) & INT32_MIN));
}

static inline V vsqrt(V x) {
    V root;
    for (int lane = 0; lane < int(sizeof(V) / sizeof(float)); ++lane) root[lane] = __builtin_sqrtf(x[lane]);
    return root;
}

// `slope`: of this channel, for PRelu; or a vector of slopes.
template <typename Slope>
static inline __attribute__((always_inline)) V activate(Act act, V x, const Op& op, Slope slope) {
    switch (act) {
        case Act::None: return x;
        case Act::Relu: return vmax(x, V{});
        case Act::LeakyRelu: return select(x < 0.0f, x * op.act_a, x);
        case Act::PRelu: return select(x < 0.0f, x * slope, x);
        case Act::Clip: return vmin(vmax(x, splat(op.act_a)), splat(op.act_b));
        case Act::Sigmoid: return vsigmoid(x);
        case Act::Tanh: return vtanh(x);
        case Act::Gelu: return 0.5f * x * (1.0f + verf(x * 0.70710678118654752f));
        case Act::Silu: return x * vsigmoid(x);
        case Act::HardSigmoid: return vmin(vmax(x * op.act_a + op.act_b, V{}), splat(1.0f));
        case Act::Sqrt: return vsqrt(x);
        case Act::HardSwish: return x * vmin(vmax(x * (1.0f / 6.0f) + 0.5f, V{}), splat(1.0f));
    }
    return x;
}

// An activation that compilers know.
template <Act A>
struct ActType {
    static constexpr Act value = A;
};

// Any other.
struct AnyAct {
    Act value;
};

template <Act A, typename Slope>
static inline __attribute__((always_inline)) V activated(ActType<A>, V x, const Op& op, Slope slope) {
    return activate(A, x, op, slope);
}

static __attribute__((noinline)) V activated(AnyAct act, V x, const Op& op, V slopes) { return activate(act.value, x, op, slopes); }

static inline V activated(AnyAct act, V x, const Op& op, float slope) { return activated(act, x, op, splat(slope)); }

// Calls `body` with the activation as a type whose `value` it is, so that loops are compiled for each.

template <typename Body>
static void with_act(Act act, Body body) {
    switch (act) {
        case Act::None: return body(ActType<Act::None>{});
        case Act::Relu: return body(ActType<Act::Relu>{});
        case Act::LeakyRelu: return body(ActType<Act::LeakyRelu>{});
        case Act::PRelu: return body(ActType<Act::PRelu>{});
        case Act::Clip: return body(ActType<Act::Clip>{});
        case Act::Sigmoid: return body(ActType<Act::Sigmoid>{});
        case Act::Tanh: return body(ActType<Act::Tanh>{});
        case Act::Gelu: return body(ActType<Act::Gelu>{});
        case Act::Silu: return body(ActType<Act::Silu>{});
        case Act::HardSigmoid: return body(ActType<Act::HardSigmoid>{});
        case Act::HardSwish: return body(ActType<Act::HardSwish>{});
        case Act::Sqrt: return body(ActType<Act::Sqrt>{});
    }
}

// As with_act, where loops are too large to be compiled for all.
template <typename Body>
static void with_common_act(Act act, Body body) {
    switch (act) {
        case Act::None: return body(ActType<Act::None>{});
        case Act::Relu: return body(ActType<Act::Relu>{});
        case Act::LeakyRelu: return body(ActType<Act::LeakyRelu>{});
        case Act::PRelu: return body(ActType<Act::PRelu>{});
        case Act::Sigmoid: return body(ActType<Act::Sigmoid>{});
        case Act::Silu: return body(ActType<Act::Silu>{});
        default: return body(AnyAct{act});
    }
}
