// Convolution of packed values. Included in a namespace for each type of channels (int_conv.inl, half_conv.inl), which says what differs:
//
//   EACH             bytes of a channel
//   REGISTERS        vectors, one block's behind the other's, out of which a tap picks: 1 or 2
//   Sums             vectors of LANES sums
//   SMALL_TAPS       whether taps are listed by whether they are small (PackedTuning)
//   dot, dot_small   sums, and the products of a pixel's channels with a tap; `beside`: those of the second vector
//   store_sums       sums into memory
//   Numbers          what sums in memory stand for, bias included
//   Packer           numbers -> LANES channels, of type Packer::Channels
//   packed_target    where LANES channels go, as ByteTarget
//   store_beside     what else is made of a set of a result by pixel
//   operands         what a set is combined with, by pixel
//   fill_outside     pixels beyond the image
//
//   TILE_DOT         where the processor multiplies matrices, a macro: see packed_tiles.inl
//
// An item is some columns of one strip row, in runs whose sums are made in registers: a tap's positions and weights are loaded once for
// a run. The kernel reads its input where it lies. Pixels whose windows reach beyond the columns of the image are runs of their own.
//
// Sums go to memory in the nearest cache, so that the rest is done for all columns of an item at once. They have outputs as lanes. Where
// the result is packed or lies by pixel that is how it lies; for strips the sums of all are transposed.

constexpr int RUN = 8, CHUNK = 32;  // columns of a run and of an item

static const PackedConv& conv_of(const Job& job) { return *static_cast<const PackedConv*>(job.weights); }

static int chunks_of(const Job& job) { return (conv_columns(job) + CHUNK - 1) / CHUNK; }

static int conv_items(const Job& job) { return conv_rows(job) * chunks_of(job); }

// Columns of the input that so many of the output read.
static int read_columns(const Op& op, int columns) {
    return (columns - 1) * op.conv.stride_w + (op.conv.kernel_w - 1) * op.conv.dilation_w + 1;
}

// The memory of an item.
struct ConvScratch {
    const uint8_t** lines;  // [lane][kernel row][block], and one that nothing is taken from: the first pixel of the item's windows
    uint8_t* outside;  // pixels beyond the image, as many as an item's windows have
    float* sums;  // for strips [lane][column of a run][output], else [column of an item][output]
    size_t floats;
    float* tiles = nullptr;  // see packed_tiles.inl
};

// Scratch of tiles.
static size_t tile_floats(const Job& job);

static ConvScratch scratch_of(const Job& job, float* at) {
    const size_t outside = size_t(read_columns(*job.op, CHUNK)) * LANES;
    const size_t lines = (size_t(LANES) * conv_of(job).lines + LANES) * sizeof(void*) / sizeof(float);  // aligned
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

// Columns [begin, end) of strip row y, and the lines that they read, from the first one's window on.
struct Item {
    const Job& job;
    const ConvScratch& memory;
    int y, begin, end;
};

// Columns of an item of which sums are made at once, for one lane.
struct Run {
    const Item& item;
    const PackedConv& weights;
    const uint8_t* const* lines;
    int64_t shift;  // bytes from what lines begin with to the first one's window
    int begin;  // where in the image that window begins
};

static inline Run run_at(const Item& item, int lane, int x) {
    const PackedConv& weights = conv_of(item.job);
    const ConvParams& conv = item.job.op->conv;
    const int64_t shift = int64_t(x - item.begin) * conv.stride_w * VECTOR_BYTES;
    return {item, weights, item.memory.lines + size_t(lane) * weights.lines, shift, x * conv.stride_w - conv.pad.left};
}

// The pixel of a tap, which for runs of one may be beyond the image.
template <int C>
static inline const uint8_t* pixel_of(const Run& run, const TapPlace& place) {
    if (C == 1) {
        const int x = run.begin + place.offset / VECTOR_BYTES;
        if (x < 0 || x >= run.item.job.in0.width) return run.item.memory.outside;
    }
    return run.lines[place.line] + (run.shift + place.offset);
}

// The block behind that of a tap; where there is none, any pixels, of which no position is.
template <int C>
static inline const uint8_t* beside_of(const Run& run, TapPlace place) {
    ++place.line;
    return pixel_of<C>(run, place);
}

// Adds a list of taps to the sums of `C` pixels.
template <int C, bool Small>
static inline __attribute__((always_inline)) void add_list(const Run& run, uint32_t from, uint32_t to, Sums* sums) {
    const PackedConv& weights = run.weights;
    const int64_t step = int64_t(run.item.job.op->conv.stride_w) * VECTOR_BYTES;
    const TapPlace *place = weights.places + from, *end = weights.places + to;
    const uint8_t* tap = weights.taps + size_t(from) * 2 * VECTOR_BYTES;
    for (; place != end; ++place, tap += 2 * VECTOR_BYTES) {
        const uint8_t* pixel = pixel_of<C>(run, *place);
        const uint8_t* beside = REGISTERS == 2 ? beside_of<C>(run, *place) : pixel;
#pragma GCC unroll 8
        for (int i = 0; i < C; ++i, pixel += step, beside += step)
            sums[i] = Small ? dot_small(sums[i], pixel, beside, tap) : dot(sums[i], pixel, beside, tap);
    }
}

// Adds up the taps of a set of outputs for `C` pixels.
template <int C>
static void add_taps(const Run& run, int set, float* to) {
    Sums sums[C] = {};
    const uint32_t* first = run.weights.first + 2 * set;
    if (SMALL_TAPS) add_list<C, true>(run, first[0], first[1], sums);
    add_list<C, false>(run, first[1], first[2], sums);
#pragma GCC unroll 8
    for (int i = 0; i < C; ++i) store_sums(to + i * LANES, sums[i]);
}

// How many columns from x on make a run: 8, 4, 2 or 1, whose windows are within the image but for runs of 1.
static inline int run_columns(const Job& job, int x, int end) {
    const Op& op = *job.op;
    const int begin = x * op.conv.stride_w - op.conv.pad.left;
    int columns = RUN;
    while (columns > 1 && (columns > end - x || begin < 0 || begin + read_columns(op, columns) > job.in0.width)) columns /= 2;
    return columns;
}

// Sums of columns [x, end).
static void sums_by_taps(const Item& item, int lane, int set, int x, int end, float* to) {
    for (int columns; x < end; x += columns, to += columns * LANES) {
        columns = run_columns(item.job, x, end);
        const Run run = run_at(item, lane, x);
        switch (columns) {
            case 8: add_taps<8>(run, set, to); break;
            case 4: add_taps<4>(run, set, to); break;
            case 2: add_taps<2>(run, set, to); break;
            default: add_taps<1>(run, set, to); break;
        }
    }
}

constexpr auto common_acts = [](Act act, auto body) { with_common_act(act, body); };

// Packs all columns of an item, of one lane and a set of outputs. `sums`: [column][output].
static void finish_packed(const Item& item, int lane, int set, const float* sums) {
    const Job& job = item.job;
    const Op& op = *job.op;
    const PackedConv& weights = conv_of(job);
    const int r = weights.by_pixel ? op.conv.shuffle : 1, channels = op.conv.made / (r * r);
    const int pixel = set * LANES / channels, channel = set * LANES - pixel * channels;  // turned: dy = pixel % r
    const int64_t y = int64_t(item.y) * r + pixel % r, x = int64_t(item.begin) * r + pixel / r;
    const auto to = packed_target(job.out, lane, op.out_channel + channel, channels - channel, y, x);
    const Packer packed(op);
    const Numbers numbers(weights, set);
    const V slopes = load_unaligned(weights.slopes + set * LANES);
    const int columns = item.end - item.begin;
    with_common_act(op.act, [&](auto act) {
        for (int i = 0; i < columns; ++i) to.put(i * r, packed(activated(act, numbers(sums + i * LANES), op, slopes)));
    });
}

// Combines, activates and stores by pixel, likewise, or in memory of its own where what is stored beside is all there is.
static void finish_pixels(const Item& item, int lane, int set, const float* sums) {
    const Job& job = item.job;
    const Op& op = *job.op;
    const int y = item.y, x = item.begin, columns = item.end - x;
    alignas(64) float own[CHUNK * LANES], widened[CHUNK * LANES];
    const bool packed = job.out.layout != Layout::ByPixel;
    const Numbers numbers(conv_of(job), set);
    const V slopes = load_unaligned(conv_of(job).slopes + set * LANES);
    float* to = packed ? own : pixel_block_at(job.out, lane, set, y, x);
    const float* other = op.conv.combine == Combine::None ? to : operands(job, lane, set, y, x, columns, widened);
    with_finish(op, common_acts, [&](auto act, auto combine) {
        for (int i = 0; i < columns; ++i)
            store(to + i * LANES, finished(act, combine, numbers(sums + i * LANES), other + i * LANES, op, slopes));
    });
    store_beside(job, lane, set, y, x, columns, to);
}

// Asks for what finish_pixels reads and writes: a long skip comes from far.
static inline __attribute__((always_inline)) void expect_pixels(const Item& item, int lane, int set) {
    const Job& job = item.job;
    const View& view = job.op->conv.combine == Combine::None ? job.out : job.in1;
    if (view.layout != Layout::ByPixel) return;
    const float* at = pixel_block_at(view, lane, set, item.y, item.begin);
    for (int i = 0; i < item.end - item.begin; ++i) __builtin_prefetch(at + i * LANES, 1);
}

// Transposes numbers of a set, so that lanes are rows again, and finishes those of each pixel while they are in registers.
// `sums`: of columns [x, x + columns), by lane so many floats from one to the next.
static void finish_strips(const Item& item, int set, int x, int columns, const float* sums, int64_t by_lane) {
    const Job& job = item.job;
    const Op& op = *job.op;
    const int first = set * LANES, count = op.conv.made - first < LANES ? op.conv.made - first : LANES;
    const Numbers numbers(conv_of(job), set);
    Target targets[LANES];
    for (int k = 0; k < count; ++k) targets[k] = target_of(job, first + k, item.y, x);
    with_finish(op, common_acts, [&](auto act, auto combine) {
        for (int i = 0; i < columns; ++i) {
            V block[LANES];
            for (int lane = 0; lane < LANES; ++lane) block[lane] = numbers(sums + lane * by_lane + i * LANES);
            transpose(block);
            for (int k = 0; k < count; ++k) {
                const Target& target = targets[k];
                const int64_t at = int64_t(i) * target.step;
                store(target.to + at, finished(act, combine, block[k], target.other + at, op, target.slope));
            }
        }
    });
}

static void finish_lane(const Item& item, int lane, int set, const float* sums) {
    const Job& job = item.job;
    const bool alone = job.out.layout != Layout::ByPixel && !job.quantized_count;
    const auto finish = alone ? finish_packed : finish_pixels;
    finish(item, lane, set, sums);
}

static void make_strips(const Item& item) {
    float* sums = item.memory.sums;
    for (int set = 0; set < conv_of(item.job).sets; ++set)
        for (int x = item.begin; x < item.end; x += RUN) {
            const int end = item.end - x < RUN ? item.end : x + RUN;
            for (int lane = 0; lane < LANES; ++lane)
                if (lane_used(item.job, lane, item.y)) sums_by_taps(item, lane, set, x, end, sums + lane * RUN * LANES);
            finish_strips(item, set, x, end - x, sums, RUN * LANES);
        }
}

static void make_lanes(const Item& item) {
    const bool pixels = item.job.out.layout == Layout::ByPixel;
    for (int lane = 0; lane < LANES; ++lane) {
        if (!lane_used(item.job, lane, item.y)) continue;
        for (int set = 0; set < conv_of(item.job).sets; ++set) {
            if (pixels) expect_pixels(item, lane, set);
            sums_by_taps(item, lane, set, item.begin, item.end, item.memory.sums);
            finish_lane(item, lane, set, item.memory.sums);
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
    memory.lines[size_t(LANES) * conv_of(job).lines] = memory.outside;  // behind the last block, see beside_of
    const Item at{job, memory, y, begin, end};
    if (conv_of(job).tiles) return make_by_tiles(at);
    job.out.layout == Layout::Strips ? make_strips(at) : make_lanes(at);
}

static constexpr OpKernel packed_conv_kernel{conv_items, conv_run, conv_scratch};
