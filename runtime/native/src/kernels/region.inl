// What the convolution kernels share: the cut into regions, packing rows of the input, the epilogue. Needs activate.inl and gather.inl.

// Rows and columns to make, before the shuffle.
static int conv_rows(const Job& job) { return job.out.rows / job.op->conv.shuffle; }
static int conv_columns(const Job& job) { return (job.to - job.from) / job.op->conv.shuffle; }

// Work items are regions, those below each other in a row: they share more input than those beside each other.
static int conv_regions(const Job& job, int rows, int columns) {
    return ((conv_rows(job) + rows - 1) / rows) * ((conv_columns(job) + columns - 1) / columns);
}

static Region conv_region(const Job& job, int item, int rows, int columns) {
    const int width = conv_columns(job), down = (conv_rows(job) + rows - 1) / rows;
    Region region{item % down * rows, rows, item / down * columns, columns};
    if (conv_rows(job) - region.y < rows) region.rows = conv_rows(job) - region.y;
    if (width - region.x < columns) region.columns = width - region.x;
    region.x += job.from / job.op->conv.shuffle;
    return region;
}

// Lanes that a job is to make at one pixel, bit by bit; of all pixels where it has no choice.
static inline uint32_t lanes_at(const Job& job, int y, int x) {
    const ChosenPixels& chosen = *job.chosen;
    return chosen.lanes[size_t(chosen.column_region[x]) * chosen.rows + y];
}

// Whether a job is to make anything of a region.
static bool concerns(const Job& job, const Region& region) {
    if (!job.chosen || job.chosen->all || job.chosen->group) return true;
    for (int x = region.x; x < region.x + region.columns; ++x) {
        if (x > region.x && job.chosen->column_region[x] == job.chosen->column_region[x - 1]) continue;
        for (int y = region.y; y < region.y + region.rows; ++y)
            if (lanes_at(job, y, x)) return true;
    }
    return false;
}

static inline VI mask_of(uint32_t lanes) {
    VI bit;
    for (int l = 0; l < LANES; ++l) bit[l] = int32_t(lanes) >> l & 1;
    return -bit;
}

// Row t of the input of a region, for some channels, as [channel][column][lane] in `packed`, `plane` floats from one channel
// to the next. The border rule is applied here, and rows of neighbouring strips are fetched, so that the inner loops know
// neither.
static void pack_row(const Job& job, const ConvGeometry& g, int first_channel, int channels, const Region& region, int t,
                     float* packed, int64_t plane) {
    const View& in = job.in0;
    const int columns = (region.columns - 1) * g.sw + (g.kw - 1) * g.dw + 1;
    if (const CellGroup* group = group_of(job))
        return gather_row(job, *group, g.sh, g.sw, first_channel, channels, t, -g.left, columns, packed, plane);
    const int x0 = region.x * g.sw - g.left, before = x0 < 0 ? (-x0 < columns ? -x0 : columns) : 0;
    const int inside = in.width - x0 < columns ? in.width - x0 : columns;  // first column after the image
    const int q = floor_div(t, in.rows), row = t - q * in.rows;
    const VI valid = in.pixel ? ~VI{} : valid_lanes(in, t);
    bool all = true, none = true;
    for (int l = 0; l < LANES; ++l) valid[l] ? none = false : all = false;
    none |= q <= -LANES || q >= LANES || inside <= before;
    for (int c = 0; c < channels; ++c, packed += plane) {
        if (none) {
            std::memset(packed, 0, sizeof(float) * columns * LANES);
            continue;
        }
        const float* from = pixel_at(in, first_channel + c, row, x0);
        for (int x = 0; x < before; ++x) store(packed + x * LANES, V{});
        for (int x = inside; x < columns; ++x) store(packed + x * LANES, V{});
        if (all && q == 0)
            for (int x = before; x < inside; ++x) store(packed + x * LANES, load(from + x * LANES));
        else
            for (int x = before; x < inside; ++x)
                store(packed + x * LANES, as_float(valid & as_int(load_unaligned(from + x * LANES + q))));
    }
}

constexpr int MOST_COLUMNS = 24;  // of any kernel's region

template <Combine C>
struct CombineType {
    static constexpr Combine value = C;
};

// A sum, activated and combined with what lies at `other`.
template <Act A, Combine C>
static inline V finished(V v, const float* other, const Op& op, float slope) {
    if (C == Combine::AddThenAct) v += load(other);
    v = activate(A, v, op, slope);
    if (C == Combine::ActThenAdd) v += load(other);
    if (C == Combine::ActThenMul) v *= load(other);
    return v;
}

// Where an output channel's sums of part of a row go, and what they are combined with.
struct Target {
    float* to;
    const float* other;  // anything where there is nothing to combine with
    int step;  // floats between pixels of both
    float slope;
};

static inline Target target_of(const Job& job, int k, int y, int x) {
    const int r = job.op->conv.shuffle;
    int channel = k, dy = 0, dx = 0;
    if (r > 1) channel = k / (r * r), dy = k % r, dx = k % (r * r) / r;  // turned
    float* to = pixel_at(job.out, channel, y * r + dy, x * r + dx);
    const bool combines = job.op->conv.combine != Combine::None;
    const float* other = combines ? pixel_at(job.in1, channel, y * r + dy, x * r + dx) : to;
    return {to, other, r * LANES, job.slopes ? job.slopes[k] : 0.0f};
}

// Asks for what finish() combines the sums of an output channel with: a long skip comes from far. GCC 12 drops calls of
// functions that do nothing else, hence inline.
__attribute__((always_inline)) static inline void expect_operand(const Job& job, int k, int y, int x, int columns) {
    if (job.op->conv.combine == Combine::None || job.op->conv.shuffle > 1 || group_of(job)) return;
    const float *other = pixel_at(job.in1, k, y, x), *to = pixel_at(job.out, k, y, x);
    for (int i = 0; i < columns; ++i) {
        __builtin_prefetch(other + i * LANES);
        __builtin_prefetch(to + i * LANES, 1);
    }
}

// Gathers into `other` what is combined with the sums of an output channel over part of a row of a group. `target`: that of row y
// and column x of the image.
static inline void gather_operand(const Job& job, const CellGroup& group, const Target& target, int columns, V* other) {
    const int64_t row = job.in1.row * job.op->conv.shuffle;
    for (int i = 0; i < group.count; ++i) {
        const CellSource& source = group.sources[i];
        const float* from = target.other + source.y * row + int64_t(source.x) * target.step;
        for (int64_t c = 0; c < columns; ++c)
            other[c] = merged(i ? other[c] : V{}, source.read, source.from, load(from + c * target.step));
    }
}

// Takes what was made of a group to where its cells lie.
static inline void scatter(const Job& job, const CellGroup& group, const Target& target, int columns, const V* made) {
    const int64_t row = job.out.row * job.op->conv.shuffle;
    for (int i = 0; i < group.count; ++i) {
        const CellSource& source = group.sources[i];
        float* to = target.to + source.y * row + int64_t(source.x) * target.step;
        for (int64_t c = 0; c < columns; ++c) store_lanes(to + c * target.step, source.written, source.back, made[c]);
    }
}

// As finish(), of a group.
static void finish_group(const Job& job, const CellGroup& group, int k, int y, int x, int columns, const float* sums) {
    const Op& op = *job.op;
    const Target target = target_of(job, k, y, x);
    V made[MOST_COLUMNS], other[MOST_COLUMNS] = {};
    if (op.conv.combine != Combine::None) gather_operand(job, group, target, columns, other);
    with_act(op.act, [&](auto act) {
        const auto row = [&](auto combine) {
            for (int64_t c = 0; c < columns; ++c)
                made[c] = finished<decltype(act)::value, decltype(combine)::value>(
                    load(sums + c * LANES), reinterpret_cast<const float*>(other + c), op, target.slope);
        };
        switch (op.conv.combine) {
            case Combine::None: return row(CombineType<Combine::None>{});
            case Combine::AddThenAct: return row(CombineType<Combine::AddThenAct>{});
            case Combine::ActThenAdd: return row(CombineType<Combine::ActThenAdd>{});
            case Combine::ActThenMul: return row(CombineType<Combine::ActThenMul>{});
        }
    });
    scatter(job, group, target, columns, made);
}

// Combine, activate, shuffle and store the sums of one output channel over a part of one row.
static void finish(const Job& job, int k, int y, int x, int columns, const float* sums) {
    if (const CellGroup* group = group_of(job)) return finish_group(job, *group, k, y, x, columns, sums);
    const Op& op = *job.op;
    const Target target = target_of(job, k, y, x);
    const bool some = job.chosen && !job.chosen->all;
    with_act(op.act, [&](auto act) {
        const auto row = [&](auto combine) {
            for (int64_t i = 0; i < columns; ++i) {
                float* to = target.to + i * target.step;
                V made = finished<decltype(act)::value, decltype(combine)::value>(load(sums + i * LANES),
                                                                                  target.other + i * target.step, op, target.slope);
                if (some) made = select(mask_of(lanes_at(job, y, x + int(i))), made, load(to));
                store(to, made);
            }
        };
        switch (op.conv.combine) {
            case Combine::None: return row(CombineType<Combine::None>{});
            case Combine::AddThenAct: return row(CombineType<Combine::AddThenAct>{});
            case Combine::ActThenAdd: return row(CombineType<Combine::ActThenAdd>{});
            case Combine::ActThenMul: return row(CombineType<Combine::ActThenMul>{});
        }
    });
}
