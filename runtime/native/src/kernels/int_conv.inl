// Convolution in integers. Needs dot4.inl.
//
// An item is some columns of one strip row, in runs whose sums stay in registers: a tap's positions and weights are loaded once for a
// run. The kernel reads its input where it lies. Pixels whose windows reach beyond the columns of the image are runs of their own.
//
// Sums have outputs as lanes. Where the result is of U8 or lies by pixel that is how it lies; for strips the sums of all are
// transposed, and the rest is done as for any convolution.

constexpr int INT_RUN = 8, INT_CHUNK = 32;  // columns of a run and of an item

static const IntConv& int_conv_of(const Job& job) { return *static_cast<const IntConv*>(job.weights); }

static int int_conv_chunks(const Job& job) { return (conv_columns(job) + INT_CHUNK - 1) / INT_CHUNK; }

static int int_conv_items(const Job& job) { return conv_rows(job) * int_conv_chunks(job); }

// Columns of the input that so many of the output read.
static int int_columns(const Op& op, int columns) {
    return (columns - 1) * op.conv.stride_w + (op.conv.kernel_w - 1) * op.conv.dilation_w + 1;
}

// The memory of an item.
struct IntScratch {
    const uint8_t** lines;  // [lane][kernel row][block]: the first pixel of the item's windows
    uint8_t* outside;  // pixels beyond the image, as many as an item's windows have
    float* sums;  // [lane][column][output]
    size_t floats;
};

static IntScratch int_scratch(const Job& job, float* at) {
    const size_t outside = size_t(int_columns(*job.op, INT_CHUNK)) * LANES;
    const size_t lines = size_t(LANES) * int_conv_of(job).lines * sizeof(void*) / sizeof(float);
    const size_t all = lines + outside + size_t(LANES) * INT_RUN * LANES;
    if (!at) return {nullptr, nullptr, nullptr, all};
    float* behind = at + lines;
    return {reinterpret_cast<const uint8_t**>(at), reinterpret_cast<uint8_t*>(behind), behind + outside, all};
}

static size_t int_conv_scratch(const Job& job) { return int_scratch(job, nullptr).floats; }

// Whether a lane's strip row y is a row of the image.
static inline bool lane_used(const Job& job, int lane, int y) {
    return job.out.pixel || lane * conv_rows(job) + y < job.out.height / job.op->conv.shuffle;
}

// Finds the lines that strip row y reads, from column x0 of the input on.
static void find_lines(const Job& job, const IntScratch& scratch, int y, int x0) {
    const ConvParams& conv = job.op->conv;
    const View& in = job.in0;
    const int blocks = byte_blocks(in.channels, LANES);
    for (int r = 0; r < conv.kernel_h; ++r) {
        const int t = y * conv.stride_h - conv.pad.top + r * conv.dilation_h;
        const int q = floor_div(t, in.rows), row = t - q * in.rows;
        for (int lane = 0; lane < LANES; ++lane) {
            const int there = lane + q;
            const bool exists = in.pixel || (there >= 0 && there * in.rows + row < in.height);
            const uint8_t** to = scratch.lines + (size_t(lane) * conv.kernel_h + r) * blocks;
            for (int block = 0; block < blocks; ++block) to[block] = exists ? bytes_at(in, there, block, row, x0) : scratch.outside;
        }
    }
}

// Columns of a strip row, and the lines that they read, `shift` bytes on.
struct IntRun {
    const Job& job;
    const IntConv& weights;
    const IntScratch& memory;
    int64_t shift;
    int y, x;
};

// Where the window of a run's first pixel begins.
static inline int window_begin(const IntRun& run) { return run.x * run.job.op->conv.stride_w - run.job.op->conv.pad.left; }

// The pixel of a tap, which for runs of one may be beyond the image.
template <int C>
static inline const uint8_t* pixel_of(const IntRun& run, const uint8_t* const* lines, const TapPlace& place, int begin) {
    if (C == 1) {
        const int x = begin + place.offset / VECTOR_BYTES;
        if (x < 0 || x >= run.job.in0.width) return run.memory.outside;
    }
    return lines[place.line] + (run.shift + place.offset);
}

// Adds a list of taps to the sums of `C` pixels.
template <int C, bool Small>
static inline __attribute__((always_inline)) void add_list(const IntRun& run, int lane, uint32_t from, uint32_t to, VI* sums) {
    const IntConv& weights = run.weights;
    const uint8_t* const* lines = run.memory.lines + size_t(lane) * weights.lines;
    const int64_t step = int64_t(run.job.op->conv.stride_w) * VECTOR_BYTES;
    const int begin = window_begin(run);
    const TapPlace *place = weights.places + from, *end = weights.places + to;
    const uint8_t* tap = weights.taps + size_t(from) * 2 * VECTOR_BYTES;
    for (; place != end; ++place, tap += 2 * VECTOR_BYTES) {
        const uint8_t* pixel = pixel_of<C>(run, lines, *place, begin);
#pragma GCC unroll 8
        for (int i = 0; i < C; ++i, pixel += step) sums[i] = Small ? dot4_small(sums[i], pixel, tap) : dot4(sums[i], pixel, tap);
    }
}

// Sums of a set of outputs for `C` pixels.
template <int C>
static inline __attribute__((always_inline)) void add_taps(const IntRun& run, int lane, int set, VI* sums) {
    const VI start = as_int(load_unaligned(reinterpret_cast<const float*>(run.weights.start) + set * LANES));
#pragma GCC unroll 8
    for (int i = 0; i < C; ++i) sums[i] = start;
    const uint32_t* first = run.weights.first + 2 * set;
    if (PAIR_SUM) add_list<C, true>(run, lane, first[0], first[1], sums);
    add_list<C, false>(run, lane, first[1], first[2], sums);
}

// What sums stand for.
static inline V numbers(const IntConv& weights, int set, VI sums) {
    const V scale = load_unaligned(weights.scale + set * LANES);
    return rounded(__builtin_convertvector(sums, V) * scale) + load_unaligned(weights.bias + set * LANES);
}

template <int C, Act A>
static inline void store_bytes(const IntRun& run, const Quantizer& quantized, int lane, int set) {
    VI sums[C];
    add_taps<C>(run, lane, set, sums);
    const V slopes = load_unaligned(run.weights.slopes + set * LANES);
    BQ made[C];
#pragma GCC unroll 8
    for (int i = 0; i < C; ++i) {
        const V number = activate(A, numbers(run.weights, set, sums[i]), *run.job.op, slopes);
        made[i] = as_bytes(quantized(number));
    }
    const Op& op = *run.job.op;
    const int r = run.weights.by_pixel ? op.conv.shuffle : 1, channels = op.conv.made / (r * r);
    const int pixel = set * LANES / channels, channel = set * LANES - pixel * channels;  // turned: dy = pixel % r
    const int64_t y = int64_t(run.y) * r + pixel % r, x = int64_t(run.x) * r + pixel / r;
    const ByteTarget to = byte_target(run.job.out, lane, op.out_channel + channel, channels - channel, y, x);
#pragma GCC unroll 8
    for (int i = 0; i < C; ++i) to.put(i * r, made[i]);
}

template <int C>
static void run_to_bytes(const IntRun& run) {
    const Quantizer quantized(run.job.op->int_conv.out);
    with_act(run.job.op->act, [&](auto act) {
        for (int lane = 0; lane < LANES; ++lane) {
            if (!lane_used(run.job, lane, run.y)) continue;
            for (int set = 0; set < run.weights.sets; ++set) store_bytes<C, decltype(act)::value>(run, quantized, lane, set);
        }
    });
}

// Numbers of a set of outputs, as Quantize makes bytes of them.
template <int C>
static inline void store_quantized(const IntRun& run, const QuantizedResult& result, int lane, int set, const V* made) {
    const Quantizer quantized(result.quantization);
    const int channel = set * LANES, channels = run.job.op->conv.made;
    const V factors = factors_of(result.factors, channels, set);
    const ByteTarget to = byte_target(result.out, lane, result.channel + channel, channels - channel, run.y, run.x);
#pragma GCC unroll 8
    for (int i = 0; i < C; ++i) to.put(i, as_bytes(quantized(rounded(made[i] * factors))));
}

// Combines, activates and stores the sums of a set by pixel.
template <int C, Act A, Combine K>
static inline void store_pixels(const IntRun& run, int lane, int set) {
    const Job& job = run.job;
    float* to = pixel_block_at(job.out, lane, set, run.y, run.x);
    const float* other = K == Combine::None ? to : pixel_block_at(job.in1, lane, set, run.y, run.x);
    for (int i = 0; i < C; ++i) __builtin_prefetch(other + i * LANES, 1);
    VI sums[C];
    add_taps<C>(run, lane, set, sums);
    const V slopes = load_unaligned(run.weights.slopes + set * LANES);
    V made[C];
#pragma GCC unroll 8
    for (int i = 0; i < C; ++i) {
        made[i] = finished<A, K>(numbers(run.weights, set, sums[i]), other + i * LANES, *job.op, slopes);
        store(to + i * LANES, made[i]);
    }
    for (int each = 0; each < job.quantized_count; ++each) store_quantized<C>(run, job.quantized[each], lane, set, made);
}

template <int C>
static void run_to_pixels(const IntRun& run) {
    with_finish(*run.job.op, [&](auto act, auto combine) {
        for (int lane = 0; lane < LANES; ++lane) {
            if (!lane_used(run.job, lane, run.y)) continue;
            for (int set = 0; set < run.weights.sets; ++set)
                store_pixels<C, decltype(act)::value, decltype(combine)::value>(run, lane, set);
        }
    });
}

// Transposes the sums of a set by lane, and finishes those of each pixel while they are in registers.
template <int C, Act A, Combine K>
static void finish_set(const IntRun& run, int set, const float* by_lane) {
    const Op& op = *run.job.op;
    const int first = set * LANES, count = op.conv.made - first < LANES ? op.conv.made - first : LANES;
    Target targets[LANES];
    for (int k = 0; k < count; ++k) targets[k] = target_of(run.job, first + k, run.y, run.x);
    for (int i = 0; i < C; ++i) {
        V block[LANES];
        for (int lane = 0; lane < LANES; ++lane) block[lane] = load(by_lane + (lane * INT_RUN + i) * LANES);
        transpose(block);
        for (int k = 0; k < count; ++k) {
            const Target& target = targets[k];
            const int64_t at = int64_t(i) * target.step;
            store(target.to + at, finished<A, K>(block[k], target.other + at, op, target.slope));
        }
    }
}

template <int C>
static void run_to_strips(const IntRun& run) {
    float* by_lane = run.memory.sums;
    for (int set = 0; set < run.weights.sets; ++set) {
        for (int lane = 0; lane < LANES; ++lane) {
            float* to = by_lane + lane * INT_RUN * LANES;
            VI sums[C] = {};
            const bool used = lane_used(run.job, lane, run.y);
            if (used) add_taps<C>(run, lane, set, sums);
#pragma GCC unroll 8
            for (int i = 0; i < C; ++i) store(to + i * LANES, used ? numbers(run.weights, set, sums[i]) : V{});
        }
        with_finish(*run.job.op, [&](auto act, auto combine) {
            finish_set<C, decltype(act)::value, decltype(combine)::value>(run, set, by_lane);
        });
    }
}

template <int C>
static void int_run(const IntRun& run) {
    switch (run.job.out.layout) {
        case Layout::Bytes: return run_to_bytes<C>(run);
        case Layout::ByPixel: return run_to_pixels<C>(run);
        case Layout::Strips: return run_to_strips<C>(run);
    }
}

// How many columns from x on make a run: 8, 4, 2 or 1, whose windows are within the image but for runs of 1.
static inline int run_columns(const Job& job, int x, int end) {
    const Op& op = *job.op;
    const int begin = x * op.conv.stride_w - op.conv.pad.left;
    int columns = INT_RUN;
    while (columns > 1 && (columns > end - x || begin < 0 || begin + int_columns(op, columns) > job.in0.width)) columns /= 2;
    return columns;
}

static void int_conv_run(const Job& job, int item, float* scratch) {
    const Op& op = *job.op;
    const IntScratch memory = int_scratch(job, scratch);
    std::memset(memory.outside, op.int_conv.in.zero, size_t(int_columns(op, INT_CHUNK)) * VECTOR_BYTES);
    const int y = item / int_conv_chunks(job), chunk = item % int_conv_chunks(job) * INT_CHUNK;
    const int begin = job.from / op.conv.shuffle + chunk, left = conv_columns(job) - chunk;
    const int end = begin + (left < INT_CHUNK ? left : INT_CHUNK);
    find_lines(job, memory, y, begin * op.conv.stride_w - op.conv.pad.left);
    for (int x = begin, columns; x < end; x += columns) {
        columns = run_columns(job, x, end);
        const IntRun run{job, int_conv_of(job), memory, int64_t(x - begin) * op.conv.stride_w * VECTOR_BYTES, y, x};
        switch (columns) {
            case 8: int_run<8>(run); break;
            case 4: int_run<4>(run); break;
            case 2: int_run<2>(run); break;
            default: int_run<1>(run); break;
        }
    }
}

static constexpr OpKernel int_conv_kernel{int_conv_items, int_conv_run, int_conv_scratch};
