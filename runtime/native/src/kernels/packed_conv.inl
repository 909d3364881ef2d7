// Convolution of packed values. Included in a namespace for each type of channels (int_conv.inl, half_conv.inl), which says what differs:
//
//   EACH             bytes of a channel
//   Sums             vectors of LANES sums
//   SMALL_TAPS       whether taps are listed by whether they are small (PackedTuning)
//   dot, dot_small   sums, and the products of a pixel's channels with a tap
//   start_of         sums of a set of outputs to begin with
//   sums_at          sums in memory
//   numbers          what sums stand for, bias included
//   Packer           numbers -> LANES channels, of type Packer::Channels
//   packed_target    where LANES channels go, as ByteTarget
//   BY_PIXEL         whether results may lie by pixel; if so,
//   store_beside     what else is made of a set of such a result
//   fill_outside     pixels beyond the image
//
//   TILE_DOT         where the processor multiplies matrices, a macro: see packed_tiles.inl
//
// An item is some columns of one strip row, in runs whose sums stay in registers: a tap's positions and weights are loaded once for a
// run. The kernel reads its input where it lies. Pixels whose windows reach beyond the columns of the image are runs of their own.
//
// Sums have outputs as lanes. Where the result is packed or lies by pixel that is how it lies; for strips the sums of all are transposed,
// and the rest is done as for any convolution.

constexpr int RUN = 8, CHUNK = 32;  // columns of a run and of an item

static const PackedConv& conv_of(const Job& job) { return *static_cast<const PackedConv*>(job.weights); }

static int chunks_of(const Job& job) { return (conv_columns(job) + CHUNK - 1) / CHUNK; }

static int conv_items(const Job& job) { return conv_rows(job) * chunks_of(job); }

// Columns of the input that so many of the output read.
static int read_columns(const Op& op, int columns) {
    return (columns - 1) * op.conv.stride_w + (op.conv.kernel_w - 1) * op.conv.dilation_w + 1;
}

// Lanes and sets of outputs.
struct Part {
    int lane, lanes_end, set, sets_end;

    // Of sums that are ready: [lane][set][column of an item][output].
    size_t ready_at(int l, int s) const { return (size_t(l - lane) * (sets_end - set) + s - set) * CHUNK * LANES; }
};

// The memory of an item.
struct ConvScratch {
    const uint8_t** lines;  // [lane][kernel row][block]: the first pixel of the item's windows
    uint8_t* outside;  // pixels beyond the image, as many as an item's windows have
    float* sums;  // [lane][column of a run][output]
    size_t floats;
    float* tiles = nullptr;  // see packed_tiles.inl
};

// Scratch of tiles.
static size_t tile_floats(const Job& job);

static ConvScratch scratch_of(const Job& job, float* at) {
    const size_t outside = size_t(read_columns(*job.op, CHUNK)) * LANES;
    const size_t lines = size_t(LANES) * conv_of(job).lines * sizeof(void*) / sizeof(float);
    const size_t sums = size_t(LANES) * RUN * LANES, all = lines + outside + sums + tile_floats(job);
    if (!at) return {nullptr, nullptr, nullptr, all};
    float *behind = at + lines, *own = behind + outside;
    return {reinterpret_cast<const uint8_t**>(at), reinterpret_cast<uint8_t*>(behind), own, all, own + sums};
}

static size_t conv_scratch(const Job& job) { return scratch_of(job, nullptr).floats; }

// Whether a lane's strip row y is a row of the image.
static inline bool lane_used(const Job& job, int lane, int y) {
    return job.out.pixel || lane * conv_rows(job) + y < job.out.height / job.op->conv.shuffle;
}

// Finds the lines that strip row y reads, from column x0 of the input on.
static void find_lines(const Job& job, const ConvScratch& scratch, int y, int x0) {
    const ConvParams& conv = job.op->conv;
    const View& in = job.in0;
    const int blocks = packed_blocks(in.channels, EACH, LANES);
    for (int r = 0; r < conv.kernel_h; ++r) {
        const int t = y * conv.stride_h - conv.pad.top + r * conv.dilation_h;
        const int q = floor_div(t, in.rows), row = t - q * in.rows;
        for (int lane = 0; lane < LANES; ++lane) {
            const int there = lane + q;
            const bool exists = in.pixel || (there >= 0 && there * in.rows + row < in.height);
            const uint8_t** to = scratch.lines + (size_t(lane) * conv.kernel_h + r) * blocks;
            for (int block = 0; block < blocks; ++block)
                to[block] = exists ? packed_at(in, EACH, there, block, row, x0) : scratch.outside;
        }
    }
}

// Columns of a strip row, and the lines that they read, `shift` bytes on.
struct Run {
    const Job& job;
    const PackedConv& weights;
    const ConvScratch& memory;
    int64_t shift;
    int y, x;
    Part part;
    const float* ready;  // sums of the part from this column on; null: by taps
};

// Where the window of a run's first pixel begins.
static inline int window_begin(const Run& run) { return run.x * run.job.op->conv.stride_w - run.job.op->conv.pad.left; }

// The pixel of a tap, which for runs of one may be beyond the image.
template <int C>
static inline const uint8_t* pixel_of(const Run& run, const uint8_t* const* lines, const TapPlace& place, int begin) {
    if (C == 1) {
        const int x = begin + place.offset / VECTOR_BYTES;
        if (x < 0 || x >= run.job.in0.width) return run.memory.outside;
    }
    return lines[place.line] + (run.shift + place.offset);
}

// Adds a list of taps to the sums of `C` pixels.
template <int C, bool Small>
static inline __attribute__((always_inline)) void add_list(const Run& run, int lane, uint32_t from, uint32_t to, Sums* sums) {
    const PackedConv& weights = run.weights;
    const uint8_t* const* lines = run.memory.lines + size_t(lane) * weights.lines;
    const int64_t step = int64_t(run.job.op->conv.stride_w) * VECTOR_BYTES;
    const int begin = window_begin(run);
    const TapPlace *place = weights.places + from, *end = weights.places + to;
    const uint8_t* tap = weights.taps + size_t(from) * 2 * VECTOR_BYTES;
    for (; place != end; ++place, tap += 2 * VECTOR_BYTES) {
        const uint8_t* pixel = pixel_of<C>(run, lines, *place, begin);
#pragma GCC unroll 8
        for (int i = 0; i < C; ++i, pixel += step) sums[i] = Small ? dot_small(sums[i], pixel, tap) : dot(sums[i], pixel, tap);
    }
}

// Sums of a set of outputs for `C` pixels.
template <int C>
static inline __attribute__((always_inline)) void add_up(const Run& run, int lane, int set, Sums* sums) {
    const Sums start = start_of(run.weights, set);
    if (run.ready) {
        const float* ready = run.ready + run.part.ready_at(lane, set);
#pragma GCC unroll 8
        for (int i = 0; i < C; ++i) sums[i] = start + sums_at(ready + i * LANES);
        return;
    }
#pragma GCC unroll 8
    for (int i = 0; i < C; ++i) sums[i] = start;
    const uint32_t* first = run.weights.first + 2 * set;
    if (SMALL_TAPS) add_list<C, true>(run, lane, first[0], first[1], sums);
    add_list<C, false>(run, lane, first[1], first[2], sums);
}

template <int C, typename A>
static inline void store_packed(const Run& run, A act, const Packer& packed, int lane, int set) {
    Sums sums[C];
    add_up<C>(run, lane, set, sums);
    const V slopes = load_unaligned(run.weights.slopes + set * LANES);
    Packer::Channels made[C];
#pragma GCC unroll 8
    for (int i = 0; i < C; ++i) {
        made[i] = packed(activated(act, numbers(run.weights, set, sums[i]), *run.job.op, slopes));
    }
    const Op& op = *run.job.op;
    const int r = run.weights.by_pixel ? op.conv.shuffle : 1, channels = op.conv.made / (r * r);
    const int pixel = set * LANES / channels, channel = set * LANES - pixel * channels;  // turned: dy = pixel % r
    const int64_t y = int64_t(run.y) * r + pixel % r, x = int64_t(run.x) * r + pixel / r;
    const auto to = packed_target(run.job.out, lane, op.out_channel + channel, channels - channel, y, x);
#pragma GCC unroll 8
    for (int i = 0; i < C; ++i) to.put(i * r, made[i]);
}

template <int C>
static void run_to_packed(const Run& run) {
    const Packer packed(*run.job.op);
    with_common_act(run.job.op->act, [&](auto act) {
        for (int lane = run.part.lane; lane < run.part.lanes_end; ++lane) {
            if (!lane_used(run.job, lane, run.y)) continue;
            for (int set = run.part.set; set < run.part.sets_end; ++set) store_packed<C>(run, act, packed, lane, set);
        }
    });
}

// Combines, activates and stores the sums of a set by pixel.
template <int C, typename A, Combine K>
static inline void store_pixels(const Run& run, A act, CombineType<K> combine, int lane, int set) {
    const Job& job = run.job;
    float* to = pixel_block_at(job.out, lane, set, run.y, run.x);
    const float* other = K == Combine::None ? to : pixel_block_at(job.in1, lane, set, run.y, run.x);
    for (int i = 0; i < C; ++i) __builtin_prefetch(other + i * LANES, 1);
    Sums sums[C];
    add_up<C>(run, lane, set, sums);
    const V slopes = load_unaligned(run.weights.slopes + set * LANES);
    V made[C];
#pragma GCC unroll 8
    for (int i = 0; i < C; ++i) {
        made[i] = finished(act, combine, numbers(run.weights, set, sums[i]), other + i * LANES, *job.op, slopes);
        store(to + i * LANES, made[i]);
    }
    store_beside<C>(job, lane, set, run.y, run.x, made);
}

template <int C>
static void run_to_pixels(const Run& run) {
    with_common_act(run.job.op->act, [&](auto act) {
        with_combine(run.job.op->conv.combine, [&](auto combine) {
            for (int lane = run.part.lane; lane < run.part.lanes_end; ++lane) {
                if (!lane_used(run.job, lane, run.y)) continue;
                for (int set = run.part.set; set < run.part.sets_end; ++set) store_pixels<C>(run, act, combine, lane, set);
            }
        });
    });
}

// Transposes numbers of a set by lane, and finishes those of each pixel while they are in registers.
template <typename A, Combine K>
static void finish_set(const Run& run, A act, CombineType<K> combine, int columns, int set, const float* by_lane) {
    const Op& op = *run.job.op;
    const int first = set * LANES, count = op.conv.made - first < LANES ? op.conv.made - first : LANES;
    Target targets[LANES];
    for (int k = 0; k < count; ++k) targets[k] = target_of(run.job, first + k, run.y, run.x);
    for (int i = 0; i < columns; ++i) {
        V block[LANES];
        for (int lane = 0; lane < LANES; ++lane) block[lane] = load(by_lane + (lane * RUN + i) * LANES);
        transpose(block);
        for (int k = 0; k < count; ++k) {
            const Target& target = targets[k];
            const int64_t at = int64_t(i) * target.step;
            store(target.to + at, finished(act, combine, block[k], target.other + at, op, target.slope));
        }
    }
}

template <int C>
static void run_to_strips(const Run& run) {
    float* by_lane = run.memory.sums;
    for (int set = run.part.set; set < run.part.sets_end; ++set) {
        for (int lane = 0; lane < LANES; ++lane) {
            float* to = by_lane + lane * RUN * LANES;
            Sums sums[C] = {};
            const bool used = lane_used(run.job, lane, run.y);
            if (used) add_up<C>(run, lane, set, sums);
#pragma GCC unroll 8
            for (int i = 0; i < C; ++i) store(to + i * LANES, used ? numbers(run.weights, set, sums[i]) : V{});
        }
        with_common_act(run.job.op->act, [&](auto act) {
            with_combine(run.job.op->conv.combine, [&](auto combine) { finish_set(run, act, combine, C, set, by_lane); });
        });
    }
}

template <int C>
static void make_run(const Run& run) {
    switch (run.job.out.layout) {
        case Layout::Strips: return run_to_strips<C>(run);
        case Layout::ByPixel:
            if constexpr (BY_PIXEL) run_to_pixels<C>(run);
            return;
        default: return run_to_packed<C>(run);
    }
}

// How many columns from x on make a run of taps: 8, 4, 2 or 1, whose windows are within the image but for runs of 1.
static inline int run_columns(const Job& job, int x, int end) {
    const Op& op = *job.op;
    const int begin = x * op.conv.stride_w - op.conv.pad.left;
    int columns = RUN;
    while (columns > 1 && (columns > end - x || begin < 0 || begin + read_columns(op, columns) > job.in0.width)) columns /= 2;
    return columns;
}

// The same where sums are ready.
static inline int ready_columns(int x, int end) {
    int columns = RUN;
    while (columns > end - x) columns /= 2;
    return columns;
}

// Columns [begin, end) of strip row y, and the lines that they read from the first one's window on.
struct Item {
    const Job& job;
    const ConvScratch& memory;
    int y, begin, end;
};

// Makes what sums of a part become. `ready`: those sums by tiles, or null.
static void make_part(const Item& item, const Part& part, const float* ready) {
    const Job& job = item.job;
    for (int x = item.begin, columns; x < item.end; x += columns) {
        columns = ready ? ready_columns(x, item.end) : run_columns(job, x, item.end);
        const int64_t shift = int64_t(x - item.begin) * job.op->conv.stride_w * VECTOR_BYTES;
        const Run run{job, conv_of(job), item.memory, shift, item.y, x, part, ready ? ready + (x - item.begin) * LANES : nullptr};
        switch (columns) {
            case 8: make_run<8>(run); break;
            case 4: make_run<4>(run); break;
            case 2: make_run<2>(run); break;
            default: make_run<1>(run); break;
        }
    }
}

#include "packed_tiles.inl"

static void conv_run(const Job& job, int item, float* scratch) {
    const Op& op = *job.op;
    const ConvScratch memory = scratch_of(job, scratch);
    fill_outside(op, memory.outside, size_t(read_columns(op, CHUNK)) * VECTOR_BYTES);
    const int y = item / chunks_of(job), chunk = item % chunks_of(job) * CHUNK;
    const int begin = job.from / op.conv.shuffle + chunk, left = conv_columns(job) - chunk;
    const int end = begin + (left < CHUNK ? left : CHUNK);
    find_lines(job, memory, y, begin * op.conv.stride_w - op.conv.pad.left);
    const Item at{job, memory, y, begin, end};
    if (conv_of(job).tiles) return make_by_tiles(at);
    make_part(at, {0, LANES, 0, conv_of(job).sets}, nullptr);
}

static constexpr OpKernel packed_conv_kernel{conv_items, conv_run, conv_scratch};
