// Convolution by taps. Needs region.inl.
//
// The output is cut into blocks of a few columns, which are walked down row by row. Each row of a block's input is packed
// where it stays in the L1 cache: there the border rule is applied and neighbouring strips' rows are fetched, so
// that the inner loop knows neither. All taps that read this row are then added, for one output channel after the other:
// a tap costs one broadcast and COLUMNS FMAs on aligned vectors, with the sums in registers. Where the input of
// all kernel rows fits into the cache a list of taps covers them all; else it covers one, and the sums of the output rows
// begun wait in a ring. With as many taps of every output to every row and group, all lists are equally long, which makes
// their ends predictable.

constexpr int COLUMNS = 12;  // whose sums fit into the registers; twice 4 cycles of latency ask for 8 at least
constexpr TapTuning TUNING = {
    LANES,
    12,  // rows of a block: fewer ask for more of the input twice, more leave less to share between threads
    COLUMNS,
    // Of a L1 cache of 48 KiB. More of it than there is, so that 64 channels stay together: the L2 cache
    // keeps up with the little that misses, and what is most dear is to load and store sums for short lists.
    LANES == 16 ? 57 << 10 : 28 << 10,
    LANES == 16,  // there are registers for the sums of two lists
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
    int y, x, columns;
};

// Does what `finish` does while the sums are in registers; false where only that can.
template <int C>
static inline __attribute__((always_inline)) bool finish_held(const Piece& piece, int k, const V* acc) {
    if (C < COLUMNS || piece.columns < C) return false;
    if (piece.job.chosen) return false;
    const Op& op = *piece.job.op;
    const auto row = [&](auto act, auto combine) __attribute__((always_inline)) {
        const Target target = target_of(piece.job, k, piece.y, piece.x);
        const int64_t step = target.step;
#pragma GCC unroll 32
        for (int i = 0; i < C; ++i)
            store(target.to + i * step, finished(act, combine, acc[i], target.other + i * step, op, target.slope));
        return true;
    };
    const auto combined = [&](auto act) __attribute__((always_inline)) {
        switch (op.conv.combine) {
            case Combine::None: return row(act, CombineType<Combine::None>{});
            case Combine::AddThenAct: return row(act, CombineType<Combine::AddThenAct>{});
            case Combine::ActThenAdd: return row(act, CombineType<Combine::ActThenAdd>{});
            default: return false;
        }
    };
    switch (op.act) {
        case Act::None: return combined(ActType<Act::None>{});
        case Act::Relu: return combined(ActType<Act::Relu>{});
        case Act::LeakyRelu: return combined(ActType<Act::LeakyRelu>{});
        case Act::PRelu: return combined(ActType<Act::PRelu>{});
        default: return false;
    }
}

// Where the kernel is in a chunk's taps.
struct Cursor {
    const uint64_t* word;
    const float* weight;
    uint64_t next, after_next;
};

// Adds K lists, whose quads take turns, to the sums of C pixels of their outputs, of which the piece has `columns`.
template <int C, bool Unit, int K>
static inline __attribute__((always_inline)) void add_list(const Piece& piece, const Lists& lists, const TapList* list,
                                                           Cursor& at) {
    const int64_t step = Unit ? LANES : piece.step;
    const float* in = piece.in;
    V acc[K][C];
#pragma GCC unroll 2
    for (int k = 0; k < K; ++k) {
        const float* sums = piece.sums + int64_t(int(list[k].output) - piece.first_output) * COLUMNS * LANES;
        if (lists.first) {
            const float* bias = piece.job.bias;
            const V v = splat(bias ? bias[list[k].output] : 0.0f);
#pragma GCC unroll 32
            for (int i = 0; i < C; ++i) acc[k][i] = v;
        } else {
#pragma GCC unroll 32
            for (int i = 0; i < C; ++i) acc[k][i] = load(sums + i * LANES);
        }
    }
    const auto tap = [&](V weight, uint64_t offset, V* sum) __attribute__((always_inline)) {
        const float* p = in + int64_t(offset & 0xffff) * LANES;
#pragma GCC unroll 32
        for (int i = 0; i < C; ++i) sum[i] += weight * load(p + i * step);
    };
    const auto quad = [&](uint32_t taps, V* sum) __attribute__((always_inline)) {
        const uint64_t offsets = at.next;
        at.next = at.after_next;
        at.after_next = *(at.word++ + kQuadsAhead);
        const Four weights = four_at(at.weight);
        at.weight += kQuad;
        tap(spread<0>(weights), offsets, sum);
        if (taps > 1) tap(spread<1>(weights), offsets >> 16, sum);
        if (taps > 2) tap(spread<2>(weights), offsets >> 32, sum);
        if (taps > 3) tap(spread<3>(weights), offsets >> 48, sum);
    };
    for (uint32_t q = list->taps / kQuad; q > 0; --q)
#pragma GCC unroll 2
        for (int k = 0; k < K; ++k) quad(kQuad, acc[k]);
    if (list->taps % kQuad)
#pragma GCC unroll 2
        for (int k = 0; k < K; ++k) quad(list->taps % kQuad, acc[k]);
#pragma GCC unroll 2
    for (int k = 0; k < K; ++k) {
        float* sums = piece.sums + int64_t(int(list[k].output) - piece.first_output) * COLUMNS * LANES;
        if (lists.last && finish_held<C>(piece, int(list[k].output), acc[k])) continue;
#pragma GCC unroll 32
        for (int i = 0; i < C; ++i) store(sums + i * LANES, acc[k][i]);
        if (lists.last) finish(piece.job, int(list[k].output), piece.y, piece.x, piece.columns, sums);
    }
}

// Adds every list, pairs of them together: sums of one are loaded and stored while the other's FMAs go on.
template <int C, bool Unit>
static void add_lists(const Piece& piece, const Lists& lists) {
    const uint64_t* word = lists.offsets + lists.lists[0].first_quad;
    Cursor at{word, lists.weights + int64_t(lists.lists[0].first_quad) * kQuad, word[0], word[1]};
    static_assert(kQuadsAhead == 2);
    for (int k = 0; k < lists.count;) {
        const int count = TUNING.pairs && lists.lists[k].paired ? 2 : 1;
        if (lists.last)
            for (int next = k + count; next < lists.count && next < k + 2 * count; ++next)
                expect_operand(piece.job, int(lists.lists[next].output), piece.y, piece.x, piece.columns);
        if (count == 2) add_list<C, Unit, TUNING.pairs ? 2 : 1>(piece, lists, lists.lists + k, at);
        else add_list<C, Unit, 1>(piece, lists, lists.lists + k, at);
        k += count;
    }
}

// All columns of a row of a region, and as many beside them as suit the registers: those come to nothing.
static void add_row(const Piece& piece, const Lists& lists) {
    const bool unit = piece.step == LANES;
    if (piece.columns > 8) unit ? add_lists<COLUMNS, true>(piece, lists) : add_lists<COLUMNS, false>(piece, lists);
    else if (piece.columns > 4) unit ? add_lists<8, true>(piece, lists) : add_lists<8, false>(piece, lists);
    else if (piece.columns > 2) unit ? add_lists<4, true>(piece, lists) : add_lists<4, false>(piece, lists);
    else unit ? add_lists<2, true>(piece, lists) : add_lists<2, false>(piece, lists);
}

static const Taps& taps_of(const Job& job) { return *static_cast<const Taps*>(job.weights); }

// Output rows whose sums wait at a time. With one chunk a group, the row that an input row completes makes way for the one
// that it begins.
static int rows_begun(const ConvGeometry& g, const Taps& taps) {
    if (taps.kernel_rows == g.kh) return 1;
    const int reach = (g.kh - 1) * g.dh;
    return taps.chunks[0].parts > 1 ? reach / g.sh + 1 : (reach + g.sh - 1) / g.sh;
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
    const Taps& taps = taps_of(job);
    const int sets = g.kh / taps.kernel_rows, begun = rows_begun(g, taps);
    for (int set = sets - 1; set >= 0; --set) {
        const int y = output_row(g, region, t, set * taps.kernel_rows + taps.kernel_rows - 1);
        if (y < 0) continue;
        const Lists lists{taps.lists + chunk.first_list + int64_t(set) * chunk.outputs,
                          chunk.outputs,
                          taps.offsets,
                          taps.weights,
                          set == 0 && chunk.part == 0,
                          set == sets - 1 && chunk.part == chunk.parts - 1};
        const int64_t above = int64_t(taps.kernel_rows - 1) * g.dh * chunk.channels * g.packed_columns * LANES;
        add_row({packed - above, g.sw * LANES, sums + int64_t(y % begun) * chunk.outputs * COLUMNS * LANES, chunk.first_output, job,
                 y, region.x, region.columns},
                lists);
    }
}

// What a sibling makes of row t of the input.
static void add_row_of_sibling(const Job& sibling, const ConvGeometry& g, const Region& region, int t, const float* packed,
                               float* sums) {
    if (t < region.y || t >= region.y + region.rows) return;
    const Taps& taps = taps_of(sibling);
    const Chunk& chunk = taps.chunks[0];
    const Lists lists{
        taps.lists + chunk.first_list + int64_t(g.top) * chunk.outputs, chunk.outputs, taps.offsets, taps.weights, true, true};
    add_row({packed, LANES, sums, chunk.first_output, sibling, t, region.x, region.columns}, lists);
}

static int taps_items(const Job& job) { return conv_regions(job, TUNING.rows, TUNING.columns); }

static ConvGeometry tap_geometry(const Op& op) { return conv_geometry(op.conv, LANES, TUNING.rows, TUNING.columns); }

static size_t sums_floats(const Job& job, const ConvGeometry& g) {
    return size_t(rows_begun(g, taps_of(job))) * (job.op->conv.made / job.op->conv.groups) * COLUMNS * LANES;
}

static size_t packed_floats(const Job& job, const ConvGeometry& g) {
    const int channels = taps_of(job).chunks[0].channels;  // no chunk has more than the first
    return size_t(packed_rows(g, taps_of(job), TUNING.rows)) * channels * g.packed_columns * LANES;
}

static size_t taps_scratch(const Job& job) {
    const ConvGeometry g = tap_geometry(*job.op);
    int siblings = 0;  // most outputs of one
    for (const Job* each = job.sibling; each; each = each->sibling)
        siblings = each->op->conv.made > siblings ? each->op->conv.made : siblings;
    return sums_floats(job, g) + packed_floats(job, g) + size_t(siblings) * COLUMNS * LANES;
}

static void taps_region(const Job& job, const Region& region, float* scratch) {
    const ConvGeometry g = tap_geometry(*job.op);
    const int top = region.y * g.sh - g.top, bottom = (region.y + region.rows - 1) * g.sh - g.top + (g.kh - 1) * g.dh;
    const Taps& taps = taps_of(job);
    const int64_t plane = int64_t(g.packed_columns) * LANES;
    float* packed = scratch + sums_floats(job, g);
    float* sibling_sums = packed + packed_floats(job, g);
    for (const Chunk* group = taps.chunks; group != taps.chunks + taps.chunk_count; group += group->parts)
        for (int t = top; t <= bottom; ++t)
            for (const Chunk* chunk = group; chunk != group + group->parts; ++chunk) {
                float* row = packed + (taps.kernel_rows == 1 ? 0 : t - top) * chunk->channels * plane;
                pack_row(job, g, chunk->first_channel, chunk->channels, region, t, row, plane);
                add_row_of_chunk(job, g, *chunk, region, t, row, scratch);
                for (const Job* sibling = job.sibling; sibling; sibling = sibling->sibling)
                    add_row_of_sibling(*sibling, g, region, t, row, sibling_sums);
            }
}

static void taps_run(const Job& job, int item, float* scratch) {
    const Region region = conv_region(job, item, TUNING.rows, TUNING.columns);
    if (concerns(job, region)) taps_region(job, region, scratch);
}

static Area taps_area(const Job&) { return {TUNING.rows, TUNING.columns}; }
