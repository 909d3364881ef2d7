// Convolution by taps, of any window. Needs lanes.inl and activate.inl.
//
// The output is cut into regions of a few rows and columns. For each chunk of input channels the region's input is packed
// into a buffer that stays in the second-level cache: there the border rule is applied and neighbouring strips' rows are
// fetched, so that the inner loop knows neither. Then register blocks of BLOCK pixels are computed for one output channel
// after the other, the chunk's input of the block staying in the first-level cache. A tap costs one broadcast and BLOCK
// multiply-adds on aligned vectors, with the sums in registers.

constexpr int BLOCK = 12;  // pixels of a register block
// Flat blocks read longer runs, square ones less border; which is faster was measured.
constexpr int BLOCK_ROWS = LANES == 16 ? 2 : 1;
constexpr ConvTuning TUNING = {
    LANES,
    BLOCK_ROWS,
    BLOCK / BLOCK_ROWS,
    LANES == 16 ? 6 : 8,              // rows of a region
    2 * BLOCK,                        // its columns
    64,                               // output channels whose sums are held at once
    LANES == 16 ? 32 << 10 : 24 << 10,  // bytes of a chunk's input of one register block, of 48 KiB of first-level cache
};

// A piece of a register block: where its input starts, how rows and columns of it lie apart, where its sums are.
struct Piece {
    const float* in;
    int64_t row_step;   // floats between rows of the input
    int step;           // floats between columns
    float* sums;        // of the first output held: [output][row][column][lane], BLOCK pixels an output
    int sums_row;       // floats between rows of them
};

// The lists of some outputs of one chunk.
struct Lists {
    const TapList* lists;
    int count;
    int first;  // output held first
    const uint64_t* offsets;
    const float* weights;
};

// Adds every list to the sums of R x C pixels of its output.
template <int R, int C, bool Unit>
static void add_lists(const Piece& piece, const Lists& lists) {
    const int64_t step = Unit ? LANES : piece.step, row_step = piece.row_step;
    const int64_t sums_row = piece.sums_row;
    const float* in = piece.in;
    const uint64_t* word = lists.offsets + lists.lists[0].first_quad;
    const float* weight = lists.weights + int64_t(lists.lists[0].first_quad) * kQuad;
    uint64_t next = word[0], after_next = word[1];
    static_assert(kQuadsAhead == 2);
    for (int k = 0; k < lists.count; ++k) {
        const TapList& list = lists.lists[k];
        float* sums = piece.sums + int64_t(int(list.output) - lists.first) * BLOCK * LANES;
        V acc[R * C];
#pragma GCC unroll 32
        for (int i = 0; i < R * C; ++i) acc[i] = load(sums + i / C * sums_row + i % C * LANES);
        const auto quad = [&](int taps) __attribute__((always_inline)) {
            uint64_t offsets = next;
            next = after_next;
            after_next = *(word++ + kQuadsAhead);
#pragma GCC unroll 4
            for (int j = 0; j < taps; ++j, offsets >>= 16) {
                const V w = splat(weight[j]);
                const float* p = in + int64_t(offsets & 0xffff) * LANES;
#pragma GCC unroll 32
                for (int i = 0; i < R * C; ++i) acc[i] += w * load(p + i / C * row_step + i % C * step);
            }
            weight += kQuad;
        };
        for (uint32_t q = list.taps / kQuad; q > 0; --q) quad(kQuad);
        if (list.taps % kQuad) quad(int(list.taps % kQuad));
#pragma GCC unroll 32
        for (int i = 0; i < R * C; ++i) store(sums + i / C * sums_row + i % C * LANES, acc[i]);
    }
}

template <int R, int C>
static void add_piece(const Piece& piece, const Lists& lists) {
    if (piece.step == LANES) add_lists<R, C, true>(piece, lists);
    else add_lists<R, C, false>(piece, lists);
}

// All columns of R rows, in pieces of at most MOST columns.
template <int R, int MOST>
static void add_rows(int columns, Piece piece, const Lists& lists) {
    while (columns > 0) {
        const int n = columns >= MOST ? MOST : columns >= 8 ? 8 : columns >= 4 ? 4 : columns >= 2 ? 2 : 1;
        switch (n) {
            case 1: add_piece<R, 1>(piece, lists); break;
            case 2: add_piece<R, 2>(piece, lists); break;
            case 4: add_piece<R, 4>(piece, lists); break;
            case MOST: add_piece<R, MOST>(piece, lists); break;
            default: add_piece<R, MOST < 8 ? 1 : 8>(piece, lists);
        }
        columns -= n;
        piece.in += int64_t(n) * piece.step;
        piece.sums += n * LANES;
    }
}

static void add_block(int rows, int columns, Piece piece, const Lists& lists) {
    if (rows == BLOCK_ROWS) return add_rows<BLOCK_ROWS, BLOCK / BLOCK_ROWS>(columns, piece, lists);
    for (int row = 0; row < rows; ++row) {
        add_rows<1, BLOCK / BLOCK_ROWS>(columns, piece, lists);
        piece.in += piece.row_step;
        piece.sums += piece.sums_row;
    }
}

struct Region {
    int y, rows, x, columns;
};

// The input of a region, for some channels, as [channel][row][column][lane] in `packed`.
static void pack(const Job& job, const ConvGeometry& s, int first_channel, int channels, const Region& region, float* packed) {
    const View& in = job.in0;
    const int rows = (region.rows - 1) * s.sh + (s.kh - 1) * s.dh + 1;
    const int columns = (region.columns - 1) * s.sw + (s.kw - 1) * s.dw + 1;
    const int x0 = region.x * s.sw - s.left, before = x0 < 0 ? (-x0 < columns ? -x0 : columns) : 0;
    const int inside = in.width - x0 < columns ? in.width - x0 : columns;  // first column after the image
    for (int i = 0; i < rows; ++i) {
        const int t = region.y * s.sh - s.top + i, q = floor_div(t, in.rows), row = t - q * in.rows;
        const VI valid = in.pixel ? ~VI{} : valid_lanes(in, t);
        bool all = true, none = true;
        for (int l = 0; l < LANES; ++l) valid[l] ? none = false : all = false;
        none |= q <= -LANES || q >= LANES || inside <= before;
        for (int c = 0; c < channels; ++c) {
            float* to = packed + c * s.packed_plane + int64_t(i) * s.packed_columns * LANES;
            if (none) {
                std::memset(to, 0, sizeof(float) * columns * LANES);
                continue;
            }
            const float* from = pixel_at(in, first_channel + c, row, x0);
            if (before > 0) std::memset(to, 0, sizeof(float) * before * LANES);
            if (inside < columns) std::memset(to + inside * LANES, 0, sizeof(float) * (columns - inside) * LANES);
            if (all && q == 0)
                for (int x = before; x < inside; ++x) store(to + x * LANES, load(from + x * LANES));
            else
                for (int x = before; x < inside; ++x)
                    store(to + x * LANES, as_float(valid & as_int(load_unaligned(from + x * LANES + q))));
        }
    }
}

// Combine, activate and store `columns` sums; `step`: floats between pixels of the result and of the other operand.
template <Act A, Combine C>
static void finish_row(const float* sums, int columns, const float* other, float* to, int step, const float* f, float slope) {
    for (int i = 0; i < columns; ++i, to += step, other += step) {
        V v = load(sums + i * LANES);
        if (C == Combine::AddThenAct) v += load(other);
        v = activate(A, v, f, slope);
        if (C == Combine::ActThenAdd) v += load(other);
        if (C == Combine::ActThenMul) v *= load(other);
        store(to, v);
    }
}

// Combine, activate, shuffle and store the sums of one output channel over a part of one row.
static void finish(const Job& job, int k, int y, int x, int columns, const float* sums) {
    const Op& op = *job.op;
    const float slope = job.slopes ? job.slopes[k] : 0.0f;
    const int r = op.p[15];
    int channel = k, dy = 0, dx = 0;
    if (r > 1) channel = k / (r * r), dy = k % (r * r) / r, dx = k % r;
    float* to = pixel_at(job.out, channel, y * r + dy, x * r + dx);
    with_act(op.act, [&](auto act) {
        constexpr Act A = decltype(act)::value;
        const auto row = [&](auto finish_row, const float* other) { finish_row(sums, columns, other, to, r * LANES, op.f, slope); };
        if (Combine(op.p[14]) == Combine::None) return row(finish_row<A, Combine::None>, to);
        const float* other = pixel_at(job.in1, channel, y * r + dy, x * r + dx);
        switch (Combine(op.p[14])) {
            case Combine::AddThenAct: return row(finish_row<A, Combine::AddThenAct>, other);
            case Combine::ActThenAdd: return row(finish_row<A, Combine::ActThenAdd>, other);
            default: return row(finish_row<A, Combine::ActThenMul>, other);
        }
    });
}

// The register blocks of a region, cut at its right and lower edge; `sums` of the outputs held at once.
struct Blocks {
    const Region& region;
    float* sums;
    int outputs;
    int block_rows, block_columns;

    int count() const { return down() * across(); }
    int across() const { return (region.columns + block_columns - 1) / block_columns; }
    int down() const { return (region.rows + block_rows - 1) / block_rows; }
    int y(int block) const { return block / across() * block_rows; }
    int x(int block) const { return block % across() * block_columns; }
    int rows(int block) const { return region.rows - y(block) < block_rows ? region.rows - y(block) : block_rows; }
    int columns(int block) const {
        return region.columns - x(block) < block_columns ? region.columns - x(block) : block_columns;
    }
    float* sums_of(int block, int output) const { return sums + (int64_t(block) * outputs + output) * BLOCK * LANES; }
};

static void add_chunk(const Job& job, const ConvGeometry& s, const Chunk& chunk, const Blocks& blocks, const float* packed,
                      int first, int from, int to) {
    const Taps& taps = job.taps;
    for (int block = 0; block < blocks.count(); ++block) {
        const int y = blocks.y(block), x = blocks.x(block), rows = blocks.rows(block), columns = blocks.columns(block);
        const int64_t pixel = int64_t(y) * s.sh * s.packed_columns + x * s.sw;
        const Piece piece{packed + pixel * LANES, int64_t(s.sh) * s.packed_columns * LANES, s.sw * LANES,
                          blocks.sums_of(block, 0), (BLOCK / BLOCK_ROWS) * LANES};
        add_block(rows, columns, piece, {taps.lists + chunk.first_list + (from - chunk.first_output), to - from, first, taps.offsets, taps.weights});
    }
}

// Computes outputs [first, last) of a region.
static void conv_outputs(const Job& job, const ConvGeometry& s, const Region& region, int first, int last, float* scratch) {
    const Blocks blocks{region, scratch, last - first, BLOCK_ROWS, BLOCK / BLOCK_ROWS};
    float* packed = scratch + int64_t(TUNING.rows) * TUNING.columns * TUNING.outputs * LANES;
    for (int block = 0; block < blocks.count(); ++block)
        for (int k = first; k < last; ++k) {
            const V bias = splat(job.bias ? job.bias[k] : 0.0f);
            for (int i = 0; i < BLOCK; ++i) store(blocks.sums_of(block, k - first) + i * LANES, bias);
        }
    for (int i = 0; i < job.taps.chunk_count; ++i) {
        const Chunk& chunk = job.taps.chunks[i];
        const int end = chunk.first_output + chunk.outputs;
        const int from = first > chunk.first_output ? first : chunk.first_output, to = last < end ? last : end;
        if (from >= to) continue;
        pack(job, s, chunk.first_channel, chunk.channels, region, packed);
        add_chunk(job, s, chunk, blocks, packed, first, from, to);
    }
    for (int block = 0; block < blocks.count(); ++block)
        for (int k = first; k < last; ++k)
            for (int row = 0; row < blocks.rows(block); ++row)
                finish(job, k, region.y + blocks.y(block) + row, region.x + blocks.x(block), blocks.columns(block),
                       blocks.sums_of(block, k - first) + row * blocks.block_columns * LANES);
}

// Rows and columns to make, before the shuffle.
static int conv_rows(const Job& job) { return job.out.rows / job.op->p[15]; }
static int conv_columns(const Job& job) { return (job.to - job.from) / job.op->p[15]; }

// Work items are regions, those below each other in a row: they share more input than those beside each other.
static int conv_regions(const Job& job, const ConvTuning& t) {
    return ((conv_rows(job) + t.rows - 1) / t.rows) * ((conv_columns(job) + t.columns - 1) / t.columns);
}

static Region conv_region(const Job& job, int item, const ConvTuning& t) {
    const int columns = conv_columns(job), down = (conv_rows(job) + t.rows - 1) / t.rows;
    Region region{item % down * t.rows, t.rows, item / down * t.columns, t.columns};
    if (conv_rows(job) - region.y < t.rows) region.rows = conv_rows(job) - region.y;
    if (columns - region.x < t.columns) region.columns = columns - region.x;
    region.x += job.from / job.op->p[15];
    return region;
}

static int conv_items(const Job& job) { return conv_regions(job, TUNING); }

static size_t conv_scratch(const Job& job) {
    const ConvGeometry s = conv_geometry(*job.op, TUNING);
    int channels = 0;
    for (int i = 0; i < job.taps.chunk_count; ++i)
        channels = job.taps.chunks[i].channels > channels ? job.taps.chunks[i].channels : channels;
    return size_t(TUNING.rows) * TUNING.columns * TUNING.outputs * LANES + size_t(channels) * s.packed_plane;
}

static void conv_run(const Job& job, int item, float* scratch) {
    const ConvGeometry s = conv_geometry(*job.op, TUNING);
    const Region region = conv_region(job, item, TUNING);
    for (int k = 0; k < job.op->p[1]; k += TUNING.outputs)
        conv_outputs(job, s, region, k, k + TUNING.outputs < job.op->p[1] ? k + TUNING.outputs : job.op->p[1], scratch);
}
