// Folded convolution pairs (conv/folded_bytes.hpp) that read U8. Needs int_conv.inl.
//
// An item is some columns of one strip row. Blocks of columns, for all outputs of one pixel of the shuffle, keep their sums in
// registers; each lane's border chooses its weights. Sums of a lane are exact; 16 and more lanes are added up as floats.

namespace bytes {

constexpr int FOLDED_COLUMNS = 4, FOLDED_CHUNK = 32;  // of a block, and of an item
constexpr int FOLDED_OUTPUTS = 4;                      // most

static const FoldedBytes& folded_bytes_of(const Job& job) { return *static_cast<const FoldedBytes*>(job.weights); }

static int folded_chunks(const Job& job) { return (conv_columns(job) + FOLDED_CHUNK - 1) / FOLDED_CHUNK; }

static int folded_bytes_items(const Job& job) { return conv_rows(job) * folded_chunks(job); }

static ConvScratch folded_scratch(const Job& job, float* at) {
    const size_t outside = size_t(read_columns(*job.op, FOLDED_CHUNK)) * LANES;
    const size_t lines = size_t(LANES) * job.op->conv.kernel_h * folded_bytes_of(job).blocks * sizeof(void*) / sizeof(float);
    const size_t all = lines + outside + size_t(FOLDED_OUTPUTS) * FOLDED_COLUMNS * LANES;
    if (!at) return {nullptr, nullptr, nullptr, all};
    float* behind = at + lines;
    return {reinterpret_cast<const uint8_t**>(at), reinterpret_cast<uint8_t*>(behind), behind + outside, all};
}

static size_t folded_bytes_scratch(const Job& job) { return folded_scratch(job, nullptr).floats; }

static int border_at(int x, int size) { return (x == 0 ? 1 : 0) | (x == size - 1 ? 2 : 0); }

// Adds up lanes: lane i of the result is the sum of vector i.
static inline V sums_of(V* vectors) {
    for (int half = LANES / 2; half >= 1; half /= 2)
        for (int i = 0; i < half; ++i)
            vectors[i] = interleave_low(vectors[i], vectors[i + half]) + interleave_high(vectors[i], vectors[i + half]);
    return vectors[0];
}

// Columns of a strip row, from column x of the image on; `from` is the first that their lines have.
struct FoldedRun {
    const Job& job;
    const ConvScratch& memory;
    int y, x, from;
};

// Sums of `K` outputs of one pixel of the shuffle, for `C` columns of one lane.
template <int K, int C>
static void folded_sums(const FoldedRun& run, int lane, int pixel) {
    const Job& job = run.job;
    const ConvParams& conv = job.op->conv;
    const FoldedBytes& folded = folded_bytes_of(job);
    const int r = conv.shuffle, down = border_at(lane * conv_rows(job) + run.y, job.in0.height);
    const size_t set = (size_t(down) * kBorders + border_at(run.x, job.in0.width)) * r * r + pixel;
    const int rows = folded.window.rows, columns = folded.window.columns, blocks = folded.blocks;
    const uint8_t* weights = folded.weights + set * rows * columns * blocks * K * 2 * VECTOR_BYTES;
    const uint8_t* const* lines = run.memory.lines + (size_t(lane) * conv.kernel_h + folded.window.top[pixel / r]) * blocks;
    const int begin = run.x - conv.pad.left + folded.window.left[pixel % r];
    VI high[K][C] = {}, low[K][C] = {};
    for (int row = 0; row < rows; ++row, lines += blocks)
        for (int column = begin; column < begin + columns; ++column)
            for (int block = 0; block < blocks; ++block, weights += K * 2 * VECTOR_BYTES) {
                const bool outside = C == 1 && (column < 0 || column >= job.in0.width);
                const uint8_t* from = outside ? run.memory.outside : lines[block] + int64_t(column - run.from) * VECTOR_BYTES;
#pragma GCC unroll 4
                for (int i = 0; i < C; ++i)
#pragma GCC unroll 4
                    for (int k = 0; k < K; ++k) {
                        high[k][i] = dot_all(high[k][i], from + i * VECTOR_BYTES, weights + 2 * k * VECTOR_BYTES);
                        low[k][i] = dot_all(low[k][i], from + i * VECTOR_BYTES, weights + (2 * k + 1) * VECTOR_BYTES);
                    }
            }
    constexpr int AT_ONCE = LANES / C < K ? LANES / C : K;  // outputs
    for (int first = 0; first < K; first += AT_ONCE) {
        V vectors[LANES] = {};
        for (int k = first; k < K && k < first + AT_ONCE; ++k) {
            const float* start = reinterpret_cast<const float*>(folded.start) + (set * K + k) * LANES;
            for (int i = 0; i < C; ++i)
                vectors[(k - first) * C + i] =
                    __builtin_convertvector((high[k][i] << 8) + low[k][i] + as_int(load_unaligned(start)), V);
        }
        const V sums = sums_of(vectors);
        for (int k = first; k < K && k < first + AT_ONCE; ++k)
            for (int i = 0; i < C; ++i)
                run.memory.sums[(k * C + i) * LANES + lane] =
                    sums[(k - first) * C + i] * folded.scale[set * K + k] + folded.bias[set * K + k];
    }
}

template <int K, int C>
static void folded_run(const FoldedRun& run) {
    const Job& job = run.job;
    const int r = job.op->conv.shuffle;
    for (int pixel = 0; pixel < r * r; ++pixel) {
        for (int lane = 0; lane < LANES; ++lane)
            if (lane_used(job, lane, run.y)) folded_sums<K, C>(run, lane, pixel);
        for (int k = 0; k < K; ++k)
            finish(job, k * r * r + pixel % r * r + pixel / r, run.y, run.x, C, run.memory.sums + k * C * LANES);
    }
}

template <int K>
static void folded_columns(const Job& job, const ConvScratch& memory, int y, int begin, int end) {
    const int from = begin - job.op->conv.pad.left;
    for (int x = begin; x < end;) {
        const int first = x - job.op->conv.pad.left;
        const bool block = x + FOLDED_COLUMNS <= end && first > 0 && first + read_columns(*job.op, FOLDED_COLUMNS) < job.in0.width;
        const FoldedRun run{job, memory, y, x, from};
        block ? folded_run<K, FOLDED_COLUMNS>(run) : folded_run<K, 1>(run);
        x += block ? FOLDED_COLUMNS : 1;
    }
}

static void folded_bytes_run(const Job& job, int item, float* scratch) {
    const ConvScratch memory = folded_scratch(job, scratch);
    std::memset(memory.outside, folded_bytes_of(job).zero, size_t(read_columns(*job.op, FOLDED_CHUNK)) * VECTOR_BYTES);
    std::memset(memory.sums, 0, sizeof(float) * FOLDED_OUTPUTS * FOLDED_COLUMNS * LANES);
    const int y = item / folded_chunks(job), chunk = item % folded_chunks(job) * FOLDED_CHUNK;
    const int begin = job.from / job.op->conv.shuffle + chunk, left = conv_columns(job) - chunk;
    const int end = begin + (left < FOLDED_CHUNK ? left : FOLDED_CHUNK);
    find_lines(job, memory, y, begin - job.op->conv.pad.left);
    switch (job.op->conv.made / (job.op->conv.shuffle * job.op->conv.shuffle)) {
        case 1: return folded_columns<1>(job, memory, y, begin, end);
        case 2: return folded_columns<2>(job, memory, y, begin, end);
        case 3: return folded_columns<3>(job, memory, y, begin, end);
        default: return folded_columns<4>(job, memory, y, begin, end);
    }
}

static constexpr OpKernel folded_bytes_kernel{folded_bytes_items, folded_bytes_run, folded_bytes_scratch};

}  // namespace bytes
