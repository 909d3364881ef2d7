// What the convolution kernels share: the cut into regions, packing rows of the input, the epilogue. Needs activate.inl.

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
    if (!job.chosen) return true;
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

// One row of the input of a region as its lanes need it, for all channels.
struct PackedRow {
    int64_t own, other;  // floats from a channel of the value to the row, and to that of the next or previous block
    VI valid;            // lanes that have it in the image
    VI from_other;       // lanes that lie in the other block
    bool whole, none, crosses;
};

// Row t of the strips, where it counts from the block's first row on.
static PackedRow packed_row(const View& in, int block, int t) {
    const int q = floor_div(t, in.block), row = t - q * in.block, beside = q < 0 ? block - 1 : block + 1;
    VI lane;
    for (int l = 0; l < LANES; ++l) lane[l] = l;
    const VI image = (lane + block * LANES) * in.block + t;
    const int first = block * LANES * in.block + t, last = first + (LANES - 1) * in.block;
    const bool all = in.pixel || (first >= 0 && last < in.height);
    const int nearest = first + (q < 0 ? -q - 1 : LANES - q) * in.block;  // row of the other block's lane next to those of this one
    const bool beyond = !in.pixel && block * in.block >= in.rows;  // padding makes a block that the input has not
    PackedRow made;
    made.other = (int64_t(beside) * in.block + row) * in.row + (q < 0 ? q + LANES : q - LANES);
    made.own = beyond ? made.other : (int64_t(block) * in.block + row) * in.row + q;
    made.valid = in.pixel ? ~VI{} : (image >= 0) & (image < in.height);
    made.from_other = (lane + q < 0) | (lane + q >= LANES);
    made.whole = all && q == 0;
    made.none = !in.pixel && (last < 0 || first >= in.height);
    const bool meets = q < 0 ? nearest >= 0 && first < in.height : nearest < in.height && last >= 0;
    made.crosses = !in.pixel && q != 0 && meets;
    return made;
}

// As pack_row, where lanes of the output have their input anywhere: `first` is the image row of lane 0, `step` those from lane to lane.
static void pack_row_by_lane(const View& in, int first_channel, int channels, int x0, int columns, int first, int step,
                             float* packed, int64_t plane) {
    for (int c = 0; c < channels; ++c, packed += plane) {
        std::memset(packed, 0, sizeof(float) * columns * LANES);
        for (int l = 0; l < LANES; ++l) {
            const int image = first + l * step;
            if (image < 0 || image >= in.height) continue;
            const RowPlace at = place_of_row(in, LANES, image);
            const int from = x0 < 0 ? -x0 : 0, end = in.width - x0 < columns ? in.width - x0 : columns;
            const float* row = pixel_at(in, first_channel + c, at.row, x0) + at.lane;
            for (int64_t x = from; x < end; ++x) packed[x * LANES + l] = row[x * LANES];
        }
    }
}

// Row t of the input of a region, for some channels, as [channel][column][lane] in `packed`, `plane` floats from one channel
// to the next. The border rule is applied here, and rows of neighbouring strips are fetched, so that the inner loops know
// neither.
static void pack_row(const Job& job, const ConvGeometry& g, int first_channel, int channels, const Region& region, int t,
                     float* packed, int64_t plane) {
    const View& in = job.in0;
    const int columns = (region.columns - 1) * g.sw + (g.kw - 1) * g.dw + 1;
    const int x0 = region.x * g.sw - g.left, before = x0 < 0 ? (-x0 < columns ? -x0 : columns) : 0;
    const int inside = in.width - x0 < columns ? in.width - x0 : columns;  // first column after the image
    const int made = job.out.block / g.shuffle, block = region.y / made, step = made * g.sh, strip_row = t - block * step;
    const bool far = strip_row < -LANES * in.block || strip_row >= LANES * in.block;
    if (!in.pixel && (in.block != step || (far && in.block != in.rows)))
        return pack_row_by_lane(in, first_channel, channels, x0, columns, block * LANES * step + strip_row, step, packed, plane);
    const PackedRow row = packed_row(in, block, strip_row);
    const bool none = row.none || far || inside <= before;
    for (int c = 0; c < channels; ++c, packed += plane) {
        if (none) {
            std::memset(packed, 0, sizeof(float) * columns * LANES);
            continue;
        }
        const float* from = pixel_at(in, first_channel + c, 0, x0) + row.own;
        for (int x = 0; x < before; ++x) store(packed + x * LANES, V{});
        for (int x = inside; x < columns; ++x) store(packed + x * LANES, V{});
        if (row.whole) {
            for (int x = before; x < inside; ++x) store(packed + x * LANES, load(from + x * LANES));
        } else if (row.crosses) {
            const float* other = from - row.own + row.other;
            for (int x = before; x < inside; ++x) {
                const V v = select(row.from_other, load_unaligned(other + x * LANES), load_unaligned(from + x * LANES));
                store(packed + x * LANES, as_float(row.valid & as_int(v)));
            }
        } else {
            for (int x = before; x < inside; ++x)
                store(packed + x * LANES, as_float(row.valid & as_int(load_unaligned(from + x * LANES))));
        }
    }
}

template <Combine C>
struct CombineType {
    static constexpr Combine value = C;
};

// Calls `body` with a type whose `value` it is.
template <typename Body>
static void with_combine(Combine combine, Body body) {
    switch (combine) {
        case Combine::None: return body(CombineType<Combine::None>{});
        case Combine::AddThenAct: return body(CombineType<Combine::AddThenAct>{});
        case Combine::ActThenAdd: return body(CombineType<Combine::ActThenAdd>{});
        case Combine::ActThenMul: return body(CombineType<Combine::ActThenMul>{});
        case Combine::AddTimesGate: return;  // with_finish
    }
}

// Calls `body` with a convolution's activation and what it combines as types. `with`: with_act or with_common_act.
template <typename With, typename Body>
static void with_finish(const Op& op, With with, Body body) {
    if (op.conv.combine == Combine::AddTimesGate) return body(ActType<Act::Sigmoid>{}, CombineType<Combine::AddTimesGate>{});
    with(op.act, [&](auto act) { with_combine(op.conv.combine, [&](auto combine) { body(act, combine); }); });
}

// A sum, activated and combined with what lies at `other`. `slope`: as activate() takes it.
template <typename A, Combine C, typename Slope>
static inline __attribute__((always_inline)) V finished(A act, CombineType<C>, V v, const float* other, const Op& op, Slope slope) {
    if (C == Combine::AddTimesGate) return (v + load(other)) * (vsigmoid(v) + op.act_b);
    if (C == Combine::AddThenAct) v += load(other);
    v = activated(act, v, op, slope);
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
    if (job.op->conv.combine == Combine::None || job.op->conv.shuffle > 1) return;
    const float *other = pixel_at(job.in1, k, y, x), *to = pixel_at(job.out, k, y, x);
    for (int i = 0; i < columns; ++i) {
        __builtin_prefetch(other + i * LANES);
        __builtin_prefetch(to + i * LANES, 1);
    }
}

// Combine, activate, shuffle and store the sums of one output channel over a part of one row.
static void finish(const Job& job, int k, int y, int x, int columns, const float* sums) {
    const Op& op = *job.op;
    const Target target = target_of(job, k, y, x);
    const bool some = job.chosen;
    const auto all = [](Act act, auto body) { with_act(act, body); };
    with_finish(op, all, [&](auto act, auto combine) {
        for (int64_t i = 0; i < columns; ++i) {
            float* to = target.to + i * target.step;
            V made = finished(act, combine, load(sums + i * LANES), target.other + i * target.step, op, target.slope);
            if (some) made = select(mask_of(lanes_at(job, y, x + int(i))), made, load(to));
            store(to, made);
        }
    });
}
