// Cells of one candidate, gathered into vectors. Needs lanes.inl.
//
// A vector holds pixels of strips, and so of many regions, whose candidates differ. The weights of one candidate are best given to
// whole vectors: so cells (as many rows and columns of one strip as lie in one region), each from a strip and place of its
// own, become the lanes of a group. Its input is gathered where it is packed anyway, and what is made of it goes back to where
// it belongs.

// A part of the output, before the shuffle.
struct Region {
    int y, rows, x, columns;
};

// Which lanes, in the form that merged() and store_lanes() take.
#if LANES == 16
using Lanes = __mmask16;
static inline Lanes lanes_of(VI mask) { return _mm512_movepi32_mask(__m512i(mask)); }
static inline V merged(V into, Lanes lanes, VI from, V v) {
    return V(_mm512_mask_permutexvar_ps(__m512(into), lanes, __m512i(from), __m512(v)));
}
static inline void store_lanes(float* to, Lanes lanes, VI from, V v) {
    _mm512_mask_store_ps(to, lanes, _mm512_maskz_permutexvar_ps(lanes, __m512i(from), __m512(v)));
}
#else
using Lanes = VI;
static inline Lanes lanes_of(VI mask) { return mask; }
static inline V permuted(V v, VI from) {
#if LANES == 8
    return V(_mm256_permutevar8x32_ps(__m256(v), __m256i(from)));
#else
    V made;
    for (int l = 0; l < LANES; ++l) made[l] = v[from[l]];
    return made;
#endif
}
// `into`, but in `lanes` what `v` has in the lanes that `from` names.
static inline V merged(V into, Lanes lanes, VI from, V v) { return select(lanes, permuted(v, from), into); }
static inline void store_lanes(float* to, Lanes lanes, VI from, V v) { store(to, merged(load(to), lanes, from, v)); }
#endif

// Cells that lie in one place of their strips.
struct CellSource {
    int y, x;      // their first row and column
    VI from, in;   // by lane of the group: the strip that it comes from, and whether it does
    VI back, out;  // by strip: the lane that goes there, and whether one does
    Lanes read, written;       // `in` and `out`, once all cells are there
};

struct CellGroup {
    int rows, columns;  // of a cell
    int cells = 0, count = 0;
    CellSource sources[LANES] = {};

    void add(int y, int x, int strip) {
        if (!count || sources[count - 1].y != y || sources[count - 1].x != x)
            sources[count++] = {y, x, VI{}, VI{}, VI{}, VI{}, Lanes{}, Lanes{}};
        CellSource& source = sources[count - 1];
        source.from[cells] = strip, source.in[cells] = -1;
        source.back[strip] = cells, source.out[strip] = -1;
        ++cells;
    }

    // All cells are there.
    void close() {
        for (int k = 0; k < count; ++k) sources[k].read = lanes_of(sources[k].in), sources[k].written = lanes_of(sources[k].out);
    }
};

static const CellGroup* group_of(const Job& job) { return job.chosen ? static_cast<const CellGroup*>(job.chosen->group) : nullptr; }

// A source's row of the input: the strip that each lane comes from, whether it lies in the image, and where channel 0 of its first
// column is.
struct SourceRow {
    const float* data;
    VI from;
    Lanes lanes;
    int before, inside;  // columns that the image has are those from `before` to the one in front of `inside`
};

static SourceRow source_row(const View& in, const CellSource& source, int t, int x0, int columns) {
    const int q = floor_div(t, in.rows), row = t - q * in.rows;
    const VI image_row = source.from * in.rows + t;
    const VI there = source.in & (image_row >= 0) & (image_row < in.height);
    const int before = x0 < 0 ? (-x0 < columns ? -x0 : columns) : 0, inside = in.width - x0 < columns ? in.width - x0 : columns;
    const bool any = q > -LANES && q < LANES && inside > before;
    return {any ? pixel_at(in, 0, row, x0) : nullptr, (source.from + q) & (LANES - 1), lanes_of(any ? there : VI{}), before,
            inside > before ? inside : before};
}

// Takes what K sources have of a row into `packed`, where others have theirs already unless it is the First.
template <int K, bool First>
static void gather_sources(const SourceRow* rows, int64_t in_plane, int channels, int columns, float* packed, int64_t plane) {
    SourceRow held[K];
    for (int k = 0; k < K; ++k) held[k] = rows[k];
    bool whole = true;
    for (int k = 0; k < K; ++k) whole &= held[k].before == 0 && held[k].inside == columns && held[k].data;
    for (int c = 0; c < channels; ++c, packed += plane) {
        if (whole) {
            for (int x = 0; x < columns; ++x) {
                V v = First ? V{} : load(packed + x * LANES);
#pragma GCC unroll 4
                for (int k = 0; k < K; ++k)
                    v = merged(v, held[k].lanes, held[k].from, load(held[k].data + c * in_plane + x * LANES));
                store(packed + x * LANES, v);
            }
            continue;
        }
        for (int x = 0; x < columns; ++x) {
            V v = First ? V{} : load(packed + x * LANES);
            for (int k = 0; k < K; ++k)
                if (held[k].data && x >= held[k].before && x < held[k].inside)
                    v = merged(v, held[k].lanes, held[k].from, load(held[k].data + c * in_plane + x * LANES));
            store(packed + x * LANES, v);
        }
    }
}

// As pack_row, of a group. Row t and column x0 of the input count from those that the cells' first make their own of.
static void gather_row(const Job& job, const CellGroup& group, int stride_y, int stride_x, int first_channel, int channels, int t,
                       int x0, int columns, float* packed, int64_t plane) {
    const View& in = job.in0;
    SourceRow rows[LANES];
    for (int k = 0; k < group.count; ++k) {
        const CellSource& source = group.sources[k];
        rows[k] = source_row(in, source, source.y * stride_y + t, source.x * stride_x + x0, columns);
        if (rows[k].data) rows[k].data += first_channel * in.plane;
    }
    int k = group.count % 3;
    switch (k) {
        case 1: gather_sources<1, true>(rows, in.plane, channels, columns, packed, plane); break;
        case 2: gather_sources<2, true>(rows, in.plane, channels, columns, packed, plane); break;
        default: gather_sources<3, true>(rows, in.plane, channels, columns, packed, plane), k = 3;
    }
    for (; k < group.count; k += 3) gather_sources<3, false>(rows + k, in.plane, channels, columns, packed, plane);
}

// Calls body(region) for all that a job is to make, in regions of at most `rows` x `columns`, with its `chosen` telling how: all lanes
// of a region where they are its candidate's, else a group of cells, whose region begins with row and column 0.
template <class Body>
static void each_cells(const Job& job, int rows, int columns, Body body) {
    ChosenPixels& chosen = *job.chosen;
    const int shuffle = job.op->conv.shuffle, strip_rows = job.out.rows / shuffle, height = job.out.height / shuffle;
    const int from = job.from / shuffle, to = job.to / shuffle;
    int cell_rows = chosen.cell_rows < rows ? chosen.cell_rows : rows;
    while (chosen.cell_rows % cell_rows) --cell_rows;
    CellGroup group{cell_rows, 0};
    const auto run = [&](const CellGroup& whole) {
        if (!whole.cells) return;
        int parts = LANES / whole.cells < whole.rows ? LANES / whole.cells : whole.rows;
        while (whole.rows % parts) --parts;
        CellGroup split{whole.rows / parts, whole.columns};
        for (int part = 0; part < parts; ++part)
            for (int k = 0; k < whole.count; ++k)
                for (int strip = 0; strip < LANES; ++strip)
                    if (whole.sources[k].out[strip]) split.add(whole.sources[k].y + part * split.rows, whole.sources[k].x, strip);
        split.close();
        chosen.group = &split;
        body(Region{0, split.rows, 0, split.columns});
        chosen.group = nullptr;
    };
    for (int x = from, end; x < to; x = end) {
        end = (x / chosen.cell_columns + 1) * chosen.cell_columns;
        if (end - x > columns) end = x + columns;
        if (end > to) end = to;
        if (group.columns != end - x) run(group), group = CellGroup{cell_rows, end - x};
        for (int y = 0; y < strip_rows; y += cell_rows) {
            const uint32_t lanes = chosen.lanes[size_t(chosen.column_region[x]) * chosen.rows + y];
            uint32_t all = 0;
            for (int l = 0; l < LANES; ++l) all |= l * strip_rows + y < height ? uint32_t(1) << l : 0;
            if (lanes && lanes == all) {
                chosen.all = true;
                body(Region{y, cell_rows, x, end - x});
                chosen.all = false;
                continue;
            }
            for (int l = 0; l < LANES; ++l) {
                if (!(lanes >> l & 1)) continue;
                group.add(y, x, l);
                if (group.cells == LANES) run(group), group = CellGroup{cell_rows, end - x};
            }
        }
    }
    run(group);
}
