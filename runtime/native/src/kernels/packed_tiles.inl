// Convolution of packed values by products of matrices: 16 pixels by the 64 bytes of a block, times those by 16 outputs. A pixel's block is
// a row of a tile as it lies, and so are the weights that conv/packed_tiles.hpp made. Included by packed_conv.inl.
//
// Two tiles of pixels times two of weights are made at once, so that all the time that it takes to load four goes by beneath their
// four products.

#ifdef TILE_DOT

constexpr int TILE = 16;  // rows of a tile
constexpr int TILE_SETS = 2;
constexpr size_t TILE_SUMS = size_t(TILE_SETS) * CHUNK * LANES;  // of a lane
static_assert(CHUNK == 2 * TILE && LANES == TILE, "an item is two tiles wide, a set one");

// A processor's tiles, of 16 rows of 64 bytes each, for as long as this lives.
struct Tiles {
    Tiles() {
        alignas(64) uint8_t shape[64] = {1};  // palette; then from 16 on bytes of a row by tile, and from 48 on rows
        for (int tile = 0; tile < 8; ++tile) shape[16 + 2 * tile] = 64, shape[48 + tile] = TILE;
        asm volatile("" ::: "memory");
        _tile_loadconfig(shape);
    }
    ~Tiles() { _tile_release(); }
};

// Where 16 windows read: `shift` bytes on from each line's address.
struct TileInput {
    const uint8_t* const* lines;
    int64_t shift;
};

// Of one tile: copied lines, as addresses and then as pixels.
static size_t copied_pixels(const Op& op) { return read_columns(op, TILE); }

static size_t copied_floats(const Job& job) {
    const size_t line = sizeof(void*) / sizeof(float) + copied_pixels(*job.op) * LANES;
    return line * conv_of(job).lines;
}

static size_t tile_floats(const Job& job) { return conv_of(job).tiles ? LANES * TILE_SUMS + 2 * copied_floats(job) : 0; }

// Of columns [x, x + 16) of an item: in place if all of their windows are within the image and the item, else as a copy.
static TileInput tile_input(const Item& item, int lane, int x, float* copies) {
    const Job& job = item.job;
    const Op& op = *job.op;
    const int lines = conv_of(job).lines, left = item.end - x, columns = read_columns(op, left < TILE ? left : TILE);
    const int first = item.begin * op.conv.stride_w - op.conv.pad.left, begin = x * op.conv.stride_w - op.conv.pad.left;
    const uint8_t* const* from = item.memory.lines + size_t(lane) * lines;
    if (left >= TILE && begin >= 0 && begin + columns <= job.in0.width) return {from, int64_t(begin - first) * VECTOR_BYTES};
    const uint8_t** copied = reinterpret_cast<const uint8_t**>(copies);
    uint8_t* to = reinterpret_cast<uint8_t*>(copied + lines);
    for (int line = 0; line < lines; ++line, to += copied_pixels(op) * VECTOR_BYTES) {
        copied[line] = to;
        for (int i = 0; i < columns; ++i) {
            const bool exists = begin + i >= 0 && begin + i < job.in0.width;
            const uint8_t* pixel = exists ? from[line] + int64_t(begin - first + i) * VECTOR_BYTES : item.memory.outside;
            std::memcpy(to + size_t(i) * VECTOR_BYTES, pixel, VECTOR_BYTES);
        }
    }
    return {copied, 0};
}

// Sums of one or two tiles of pixels and sets of outputs.
template <int Pixels, int Sets>
static void multiply(const Job& job, int set, const TileInput* inputs, float* to) {
    const PackedConv& conv = conv_of(job);
    const ConvParams& op = job.op->conv;
    const size_t set_bytes = size_t(conv.lines) * op.kernel_w * kTileBytes, step = size_t(op.stride_w) * VECTOR_BYTES;
    const uint8_t* weights = conv.tiles + set * set_bytes;
    asm volatile("" ::: "memory");  // what the intrinsics read, compilers need not know
    _tile_zero(0);
    if (Sets == 2) _tile_zero(1);
    if (Pixels == 2) _tile_zero(2);
    if (Pixels == 2 && Sets == 2) _tile_zero(3);
    for (int line = 0; line < conv.lines; ++line)
        for (int column = 0; column < op.kernel_w; ++column, weights += kTileBytes) {
            const int64_t offset = int64_t(column) * op.dilation_w * VECTOR_BYTES;
            _tile_loadd(6, weights, VECTOR_BYTES);
            if (Sets == 2) _tile_loadd(7, weights + set_bytes, VECTOR_BYTES);
            _tile_loadd(4, inputs[0].lines[line] + inputs[0].shift + offset, step);
            TILE_DOT(0, 4, 6);
            if (Sets == 2) TILE_DOT(1, 4, 7);
            if (Pixels == 2) {
                _tile_loadd(5, inputs[1].lines[line] + inputs[1].shift + offset, step);
                TILE_DOT(2, 5, 6);
                if (Sets == 2) TILE_DOT(3, 5, 7);
            }
        }
    _tile_stored(0, to, VECTOR_BYTES);
    if (Sets == 2) _tile_stored(1, to + CHUNK * LANES, VECTOR_BYTES);
    if (Pixels == 2) _tile_stored(2, to + TILE * LANES, VECTOR_BYTES);
    if (Pixels == 2 && Sets == 2) _tile_stored(3, to + (CHUNK + TILE) * LANES, VECTOR_BYTES);
    asm volatile("" ::: "memory");
}

// Windows of an item for one lane.
struct LaneInputs {
    TileInput tiles[2];
    bool both;

    LaneInputs(const Item& item, int lane, float* copies)
        : tiles{tile_input(item, lane, item.begin, copies), {}}, both(item.end - item.begin > TILE) {
        if (both) tiles[1] = tile_input(item, lane, item.begin + TILE, copies + copied_floats(item.job));
    }
};

// Sums of one or two sets from `set` on, as [set][column of an item][output].
static void sums_by_tiles(const Job& job, const LaneInputs& inputs, int set, float* to) {
    const bool two = set + 1 < conv_of(job).sets;
    if (inputs.both) return two ? multiply<2, 2>(job, set, inputs.tiles, to) : multiply<2, 1>(job, set, inputs.tiles, to);
    return two ? multiply<1, 2>(job, set, inputs.tiles, to) : multiply<1, 1>(job, set, inputs.tiles, to);
}

static void make_strips_by_tiles(const Item& item, float* sums, float* copies) {
    const int sets = conv_of(item.job).sets;
    for (int set = 0; set < sets; set += TILE_SETS) {
        for (int lane = 0; lane < LANES; ++lane)
            if (lane_used(item.job, lane, item.y))
                sums_by_tiles(item.job, LaneInputs(item, lane, copies), set, sums + lane * TILE_SUMS);
        for (int each = set; each < set + TILE_SETS && each < sets; ++each)
            finish_strips(item, each, item.begin, item.end - item.begin, sums + (each - set) * CHUNK * LANES, TILE_SUMS);
    }
}

static void make_lanes_by_tiles(const Item& item, float* sums, float* copies) {
    const int sets = conv_of(item.job).sets;
    const bool pixels = item.job.out.layout == Layout::ByPixel;
    for (int lane = 0; lane < LANES; ++lane) {
        if (!lane_used(item.job, lane, item.y)) continue;
        const LaneInputs inputs(item, lane, copies);
        for (int set = 0; set < sets; set += TILE_SETS) {
            const int end = set + TILE_SETS < sets ? set + TILE_SETS : sets;
            for (int each = set; pixels && each < end; ++each) expect_pixels(item, lane, each);
            sums_by_tiles(item.job, inputs, set, sums);
            for (int each = set; each < end; ++each) finish_lane(item, lane, each, sums + (each - set) * CHUNK * LANES);
        }
    }
}

static void make_by_tiles(const Item& item) {
    const Tiles configured;
    float *sums = item.memory.tiles, *copies = sums + TILE_SUMS * LANES;
    item.job.out.layout == Layout::Strips ? make_strips_by_tiles(item, sums, copies) : make_lanes_by_tiles(item, sums, copies);
}

#else

static size_t tile_floats(const Job&) { return 0; }

static void make_by_tiles(const Item&) {}  // nor does anyone make such weights

#endif
