// Convolution in integers. Needs dot4.inl.
//
// An item is some columns of one strip row, in runs whose sums stay in registers: a tap's positions and weights are loaded once for a
// run. The kernel reads its input where it lies. Where a window reaches beyond the image, its pixels are copied first, with in.zero
// around them.
//
// Sums have outputs as lanes. Where the result is U8 that is how it lies; for F32 the sums of all strips are transposed, and the rest is
// done as for any convolution.

constexpr int INT_RUN = 8, INT_CHUNK = 32;  // columns of a run and of an item

static const IntConv& int_conv_of(const Job& job) { return *static_cast<const IntConv*>(job.weights); }

static int int_conv_chunks(const Job& job) { return (conv_columns(job) + INT_CHUNK - 1) / INT_CHUNK; }

static int int_conv_items(const Job& job) { return conv_rows(job) * int_conv_chunks(job); }

// Columns of the input that a run reads.
static int int_run_columns(const Op& op, int columns) {
    return (columns - 1) * op.conv.stride_w + (op.conv.kernel_w - 1) * op.conv.dilation_w + 1;
}

// The memory of an item.
struct IntScratch {
    const uint8_t** lines;  // [lane][kernel row][block]: the first pixel of the run's windows
    uint8_t* outside;       // pixels beyond the image
    uint8_t* copies;        // [lane][kernel row][block][column]
    float* sums;            // [lane][column][output], then [output][column][lane]
    size_t floats;
};

static IntScratch int_scratch(const Job& job, float* at) {
    const size_t columns = size_t(int_run_columns(*job.op, INT_RUN)) * LANES, lines = size_t(LANES) * int_conv_of(job).lines;
    const size_t pointers = (lines * sizeof(void*) / sizeof(float) + LANES - 1) / LANES * LANES;
    const size_t sums = size_t(2) * LANES * INT_RUN * LANES, all = pointers + columns + lines * columns + sums;
    if (!at) return {nullptr, nullptr, nullptr, nullptr, all};
    float* copies = at + pointers + columns;
    return {reinterpret_cast<const uint8_t**>(at), reinterpret_cast<uint8_t*>(at + pointers), reinterpret_cast<uint8_t*>(copies),
            copies + lines * columns, all};
}

static size_t int_conv_scratch(const Job& job) { return int_scratch(job, nullptr).floats; }

// `columns` columns of strip row `y`, from `x` on.
struct IntRun {
    const Job& job;
    const IntScratch& scratch;
    int y, x, columns;
};

// Whether a lane's strip row y is a row of the image.
static inline bool lane_used(const View& out, int rows, int height, int lane, int y) { return out.pixel || lane * rows + y < height; }

// Copies a line of a window that reaches beyond the image, which has `from` as its column `x0`, as far as it is inside.
static const uint8_t* copied_line(const View& in, int zero, const uint8_t* from, int x0, int columns, uint8_t* to) {
    for (int x = 0; x < columns; ++x) {
        if (x0 + x < 0 || x0 + x >= in.width) std::memset(to + x * VECTOR_BYTES, zero, VECTOR_BYTES);
        else std::memcpy(to + x * VECTOR_BYTES, from + x * VECTOR_BYTES, VECTOR_BYTES);
    }
    return to;
}

// Finds the lines that a lane reads.
static void find_lines(const IntRun& run, int lane) {
    const Job& job = run.job;
    const ConvParams& conv = job.op->conv;
    const View& in = job.in0;
    const int blocks = byte_blocks(in.channels, LANES), zero = job.op->int_conv.in.zero;
    const int x0 = run.x * conv.stride_w - conv.pad.left, columns = int_run_columns(*job.op, run.columns);
    const bool inside = x0 >= 0 && x0 + columns <= in.width;
    const size_t first = size_t(lane) * conv.kernel_h * blocks;
    for (int r = 0; r < conv.kernel_h; ++r) {
        const int t = run.y * conv.stride_h - conv.pad.top + r * conv.dilation_h;
        const int q = floor_div(t, in.rows), there = lane + q, y = t - q * in.rows;
        const bool exists = in.pixel || (there >= 0 && there * in.rows + y < in.height);
        for (int block = 0; block < blocks; ++block) {
            const size_t line = first + size_t(r) * blocks + block;
            const uint8_t*& to = run.scratch.lines[line];
            if (!exists) {
                to = run.scratch.outside;
                continue;
            }
            to = bytes_at(in, there, block, y, x0);
            if (inside) continue;
            const size_t copy = line * size_t(int_run_columns(*job.op, INT_RUN)) * VECTOR_BYTES;
            to = copied_line(in, zero, to, x0, columns, run.scratch.copies + copy);
        }
    }
}

// Sums of a set of outputs for `C` pixels, `step` bytes apart.
template <int C>
static inline __attribute__((always_inline)) void add_taps(const IntConv& weights, int set, const uint8_t* const* lines, int64_t step,
                                                           VI* sums) {
    const VI start = as_int(load_unaligned(reinterpret_cast<const float*>(weights.start) + set * LANES));
#pragma GCC unroll 8
    for (int i = 0; i < C; ++i) sums[i] = start;
    const uint32_t* first = weights.first + size_t(set) * weights.lines;
    for (int line = 0; line < weights.lines; ++line) {
        const uint8_t* in = lines[line];
        for (uint32_t tap = first[line]; tap < first[line + 1]; ++tap) {
            const uint8_t *pixel = in + int64_t(weights.columns[tap]) * VECTOR_BYTES, *at = weights.taps + size_t(tap) * 2 * VECTOR_BYTES;
#pragma GCC unroll 8
            for (int i = 0; i < C; ++i) sums[i] = dot4(sums[i], pixel + i * step, at);
        }
    }
}

// What sums stand for.
static inline V numbers(const IntConv& weights, int set, VI sums) {
    const V scale = load_unaligned(weights.scale + set * LANES);
    return rounded(__builtin_convertvector(sums, V) * scale) + load_unaligned(weights.bias + set * LANES);
}

template <int C, Act A>
static void store_bytes(const IntRun& run, const Quantizer& quantized, int lane, int set) {
    const Job& job = run.job;
    const IntConv& weights = int_conv_of(job);
    VI sums[C];
    add_taps<C>(weights, set, run.scratch.lines + size_t(lane) * weights.lines, int64_t(job.op->conv.stride_w) * VECTOR_BYTES, sums);
    uint8_t* to = bytes_at(job.out, lane, set / 4, run.y, run.x) + set % 4 * LANES;
    const V slopes = load_unaligned(weights.slopes + set * LANES);
#pragma GCC unroll 8
    for (int i = 0; i < C; ++i) {
        const VI made = quantized(activate(A, numbers(weights, set, sums[i]), *job.op, slopes));
        *reinterpret_cast<BQ*>(to + i * VECTOR_BYTES) = __builtin_convertvector(made, BQ);
    }
}

template <int C>
static void run_to_bytes(const IntRun& run) {
    const View& out = run.job.out;
    const Quantizer quantized(run.job.op->int_conv.out);
    with_act(run.job.op->act, [&](auto act) {
        for (int lane = 0; lane < LANES; ++lane) {
            if (!lane_used(out, out.rows, out.height, lane, run.y)) continue;
            find_lines(run, lane);
            for (int set = 0; set < int_conv_of(run.job).sets; ++set)
                store_bytes<C, decltype(act)::value>(run, quantized, lane, set);
        }
    });
}

template <int C>
static void run_to_floats(const IntRun& run) {
    const Job& job = run.job;
    const IntConv& weights = int_conv_of(job);
    const int rows = conv_rows(job), height = job.out.height / job.op->conv.shuffle, made = job.op->conv.made;
    const int64_t step = int64_t(job.op->conv.stride_w) * VECTOR_BYTES;
    float *by_lane = run.scratch.sums, *by_output = by_lane + LANES * INT_RUN * LANES;
    for (int lane = 0; lane < LANES; ++lane)
        if (lane_used(job.out, rows, height, lane, run.y)) find_lines(run, lane);
    for (int set = 0; set < weights.sets; ++set) {
        for (int lane = 0; lane < LANES; ++lane) {
            float* to = by_lane + lane * INT_RUN * LANES;
            VI sums[C] = {};
            const bool used = lane_used(job.out, rows, height, lane, run.y);
            if (used) add_taps<C>(weights, set, run.scratch.lines + size_t(lane) * weights.lines, step, sums);
#pragma GCC unroll 8
            for (int i = 0; i < C; ++i) store(to + i * LANES, used ? numbers(weights, set, sums[i]) : V{});
        }
        for (int i = 0; i < C; ++i) {
            V block[LANES];
            for (int lane = 0; lane < LANES; ++lane) block[lane] = load(by_lane + (lane * INT_RUN + i) * LANES);
            transpose(block);
            for (int k = 0; k < LANES; ++k) store(by_output + (k * INT_RUN + i) * LANES, block[k]);
        }
        for (int k = set * LANES; k < made && k < (set + 1) * LANES; ++k)
            finish(job, k, run.y, run.x, C, by_output + k % LANES * INT_RUN * LANES);
    }
}

template <int C>
static void int_run(const IntRun& run, bool to_bytes) {
    to_bytes ? run_to_bytes<C>(run) : run_to_floats<C>(run);
}

static void int_conv_run(const Job& job, int item, float* scratch) {
    const IntScratch memory = int_scratch(job, scratch);
    std::memset(memory.outside, job.op->int_conv.in.zero, size_t(int_run_columns(*job.op, INT_RUN)) * VECTOR_BYTES);
    const int y = item / int_conv_chunks(job), begin = item % int_conv_chunks(job) * INT_CHUNK;
    const int end = begin + INT_CHUNK < conv_columns(job) ? begin + INT_CHUNK : conv_columns(job);
    const int first = job.from / job.op->conv.shuffle;
    for (int x = begin; x < end;) {
        const int columns = end - x >= 8 ? 8 : end - x >= 4 ? 4 : end - x >= 2 ? 2 : 1;
        const IntRun run{job, memory, y, first + x, columns};
        switch (columns) {
            case 8: int_run<8>(run, job.out_bytes); break;
            case 4: int_run<4>(run, job.out_bytes); break;
            case 2: int_run<2>(run, job.out_bytes); break;
            default: int_run<1>(run, job.out_bytes); break;
        }
        x += columns;
    }
}

static constexpr OpKernel int_conv_kernel{int_conv_items, int_conv_run, int_conv_scratch};
