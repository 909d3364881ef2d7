// Convolution by taps. Needs region.inl.
//
// The output is cut into blocks of a few columns, which are walked down row by row. Each row of a block's input is packed
// where it stays in the first-level cache: there the border rule is applied and neighbouring strips' rows are fetched, so
// that the inner loop knows neither. All taps that read this row are then added, for one output channel after the other:
// a tap costs one broadcast and COLUMNS multiply-adds on aligned vectors, with the sums in registers. Where the input of
// all kernel rows fits into the cache a list of taps covers them all; else it covers one, and the sums of the output rows
// begun wait in a ring. With as many taps of every output to every row and group, all lists are equally long, which makes
// their ends predictable.

constexpr int COLUMNS = 12;  // whose sums fit into the registers; twice 4 cycles of latency ask for 8 at least
constexpr TapTuning TUNING = {
    LANES,
    12,  // rows of a block: fewer ask for more of the input twice, more leave less to share between threads
    COLUMNS,
    // Of a first-level cache of 48 KiB. More of it than there is, so that 64 channels stay together: the second-level cache
    // keeps up with the little that misses, and what is most dear is to load and store sums for short lists.
    LANES == 16 ? 57 << 10 : 28 << 10,
};

// Lists of some kernel rows of a chunk, and what they are added to.
struct Lists {
    const TapList* lists;
    int count;
    const uint64_t* offsets;
    const float* weights;
    bool first, last;  // of those that feed these sums
};

// A piece of a row of the output: where its input starts, floats between neighbours in it, the sums of the chunk's outputs.
struct Piece {
    const float* in;
    int step;
    float* sums;  // [output][column][lane], COLUMNS columns an output
    int first_output;
    const Job& job;
    int y, x;
};

// Adds every list to the sums of C pixels of its output.
template <int C, bool Unit>
static void add_lists(const Piece& piece, const Lists& lists) {
    const int64_t step = Unit ? LANES : piece.step;
    const float* in = piece.in;
    const uint64_t* word = lists.offsets + lists.lists[0].first_quad;
    const float* weight = lists.weights + int64_t(lists.lists[0].first_quad) * kQuad;
    uint64_t next = word[0], after_next = word[1];
    static_assert(kQuadsAhead == 2);
    for (int k = 0; k < lists.count; ++k) {
        const TapList& list = lists.lists[k];
        float* sums = piece.sums + int64_t(int(list.output) - piece.first_output) * COLUMNS * LANES;
        if (lists.last && k + 1 < lists.count) expect_operand(piece.job, int(lists.lists[k + 1].output), piece.y, piece.x, C);
        V acc[C];
        if (lists.first) {
            const float* bias = piece.job.bias;
            const V v = splat(bias ? bias[list.output] : 0.0f);
#pragma GCC unroll 32
            for (int i = 0; i < C; ++i) acc[i] = v;
        } else {
#pragma GCC unroll 32
            for (int i = 0; i < C; ++i) acc[i] = load(sums + i * LANES);
        }
        const auto quad = [&](int taps) __attribute__((always_inline)) {
            uint64_t offsets = next;
            next = after_next;
            after_next = *(word++ + kQuadsAhead);
#pragma GCC unroll 4
            for (int j = 0; j < taps; ++j, offsets >>= 16) {
                const V w = splat(weight[j]);
                const float* p = in + int64_t(offsets & 0xffff) * LANES;
#pragma GCC unroll 32
                for (int i = 0; i < C; ++i) acc[i] += w * load(p + i * step);
            }
            weight += kQuad;
        };
        for (uint32_t q = list.taps / kQuad; q > 0; --q) quad(kQuad);
        if (list.taps % kQuad) quad(int(list.taps % kQuad));
#pragma GCC unroll 32
        for (int i = 0; i < C; ++i) store(sums + i * LANES, acc[i]);
        if (lists.last) finish(piece.job, int(list.output), piece.y, piece.x, C, sums);
    }
}

// All columns of a row of a region.
static void add_row(int columns, Piece piece, const Lists& lists) {
    const bool unit = piece.step == LANES;
    while (columns > 0) {
        const int n = columns >= COLUMNS ? COLUMNS : columns >= 8 ? 8 : columns >= 4 ? 4 : columns >= 2 ? 2 : 1;
        switch (n) {
            case 1: unit ? add_lists<1, true>(piece, lists) : add_lists<1, false>(piece, lists); break;
            case 2: unit ? add_lists<2, true>(piece, lists) : add_lists<2, false>(piece, lists); break;
            case 4: unit ? add_lists<4, true>(piece, lists) : add_lists<4, false>(piece, lists); break;
            case 8: unit ? add_lists<8, true>(piece, lists) : add_lists<8, false>(piece, lists); break;
            default: unit ? add_lists<COLUMNS, true>(piece, lists) : add_lists<COLUMNS, false>(piece, lists);
        }
        columns -= n;
        piece.in += int64_t(n) * piece.step;
        piece.sums += n * LANES;
        piece.x += n;
    }
}

// Output rows that have some but not all of their taps while an input row is used.
static int rows_begun(const ConvGeometry& g, const Taps& taps) {
    return taps.kernel_rows == g.kh ? 1 : (g.kh - 1) * g.dh / g.sh + 1;
}

// Packed rows: lists of one kernel row need the latest only.
static int packed_rows(const ConvGeometry& g, const Taps& taps, int rows) {
    return taps.kernel_rows == 1 ? 1 : (rows - 1) * g.sh + (g.kh - 1) * g.dh + 1;
}

// The output row of `region` whose kernel row `kernel_row` is row t of the input; -1 for none.
static int output_row(const ConvGeometry& g, const Region& region, int t, int kernel_row) {
    const int scaled = t + g.top - kernel_row * g.dh;
    return scaled >= region.y * g.sh && scaled % g.sh == 0 && scaled / g.sh < region.y + region.rows ? scaled / g.sh : -1;
}

// Adds what row t of the input, the latest in `packed`, completes: of lists of one kernel row, one output row for each.
static void add_row_of_chunk(const Job& job, const ConvGeometry& g, const Chunk& chunk, const Region& region, int t,
                             const float* packed, float* sums) {
    const Taps& taps = job.taps;
    const int sets = g.kh / taps.kernel_rows, begun = rows_begun(g, taps);
    for (int set = sets - 1; set >= 0; --set) {
        const int y = output_row(g, region, t, set * taps.kernel_rows + taps.kernel_rows - 1);
        if (y < 0) continue;
        const Lists lists{taps.lists + chunk.first_list + int64_t(set) * chunk.outputs, chunk.outputs, taps.offsets, taps.weights,
                          set == 0 && chunk.part == 0, set == sets - 1 && chunk.part == chunk.parts - 1};
        const int64_t above = int64_t(taps.kernel_rows - 1) * g.dh * chunk.channels * g.packed_columns * LANES;
        add_row(region.columns,
                {packed - above, g.sw * LANES, sums + int64_t(y % begun) * chunk.outputs * COLUMNS * LANES, chunk.first_output,
                 job, y, region.x},
                lists);
    }
}

static int conv_items(const Job& job) { return conv_regions(job, TUNING.rows, TUNING.columns); }

static ConvGeometry tap_geometry(const Op& op) { return conv_geometry(op, LANES, TUNING.rows, TUNING.columns); }

static size_t sums_floats(const Job& job, const ConvGeometry& g) {
    return size_t(rows_begun(g, job.taps)) * (job.op->p[1] / job.op->p[12]) * COLUMNS * LANES;
}

static size_t conv_scratch(const Job& job) {
    const ConvGeometry g = tap_geometry(*job.op);
    const int channels = job.taps.chunks[0].channels;  // no chunk has more than the first
    return sums_floats(job, g) + size_t(packed_rows(g, job.taps, TUNING.rows)) * channels * g.packed_columns * LANES;
}

static void conv_run(const Job& job, int item, float* scratch) {
    const ConvGeometry g = tap_geometry(*job.op);
    const Region region = conv_region(job, item, TUNING.rows, TUNING.columns);
    const int top = region.y * g.sh - g.top, bottom = (region.y + region.rows - 1) * g.sh - g.top + (g.kh - 1) * g.dh;
    const Taps& taps = job.taps;
    const int64_t plane = int64_t(g.packed_columns) * LANES;
    float* packed = scratch + sums_floats(job, g);
    for (const Chunk* group = taps.chunks; group != taps.chunks + taps.chunk_count; group += group->parts)
        for (int t = top; t <= bottom; ++t)
            for (const Chunk* chunk = group; chunk != group + group->parts; ++chunk) {
                float* row = packed + (taps.kernel_rows == 1 ? 0 : t - top) * chunk->channels * plane;
                pack_row(job, g, chunk->first_channel, chunk->channels, region, t, row, plane);
                add_row_of_chunk(job, g, *chunk, region, t, row, scratch);
            }
}
