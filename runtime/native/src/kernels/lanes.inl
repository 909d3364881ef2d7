// Vectors of LANES floats. Included inside the namespace of one instruction set; everything is static or in it.

typedef float V __attribute__((vector_size(4 * LANES)));
typedef int32_t VI __attribute__((vector_size(4 * LANES)));
typedef float VU __attribute__((vector_size(4 * LANES), aligned(4)));

static inline V load(const float* p) { return *reinterpret_cast<const V*>(p); }
static inline V load_unaligned(const float* p) { return *reinterpret_cast<const VU*>(p); }
// Loaded once into a register. Else compilers load it again for every FMA that it is an operand of.
static inline V load_held(const float* p) {
    V v = load(p);
#if defined(__x86_64__)
    asm volatile("" : "+v"(v) : : "memory");
#elif defined(__aarch64__)
    asm volatile("" : "+w"(v) : : "memory");
#endif
    return v;
}
static inline void store(float* p, V v) { *reinterpret_cast<V*>(p) = v; }
static inline void store_unaligned(float* p, V v) { *reinterpret_cast<VU*>(p) = v; }
static inline V splat(float x) { return x - V{}; }  // adding to zeros would be an addition: -0 becomes 0

// Four weights, and one of them in all lanes. With AVX2 one load serves four splats; with AVX-512 that is no faster.
#if LANES == 8
using Four = V;
static inline Four four_at(const float* p) { return V(_mm256_broadcast_ps(reinterpret_cast<const __m128*>(p))); }
template <int I>
static inline V spread(Four four) {
    return V(_mm256_permute_ps(__m256(four), I * 0x55));
}
#else
using Four = const float*;
static inline Four four_at(const float* p) { return p; }
template <int I>
static inline V spread(Four four) {
    return splat(four[I]);
}
#endif

static inline VI as_int(V v) { return reinterpret_cast<VI>(v); }
static inline V as_float(VI v) { return reinterpret_cast<V>(v); }
static inline V select(VI mask, V yes, V no) { return mask ? yes : no; }
static inline V vmax(V a, V b) { return a > b ? a : b; }
static inline V vmin(V a, V b) { return a < b ? a : b; }

static inline float* pixel_at(const View& view, int channel, int64_t y, int64_t x) {
    return view.data + channel * view.plane + y * view.row + (x - view.first) * LANES;
}

// All ones in the lanes whose image row exists in row t of a value.
static inline VI valid_lanes(const View& view, int t) {
    VI row;
    for (int l = 0; l < LANES; ++l) row[l] = image_row(view, LANES, l, t);
    return row < view.height;
}
