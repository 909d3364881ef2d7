// A convolution made ready to run: its kept weights as lists of taps, by chunk of input channels and output channel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "plan.hpp"
#include "weights.hpp"

namespace slsc {

// How an instruction set cuts convolutions up; see kernels/conv.inl.
struct ConvTuning {
    int lanes;
    int block_rows, block_columns;  // of a register block
    int rows, columns;              // of a region: multiples of the block's
    int outputs;                    // output channels whose sums are held at once
    int block_bytes;                // most that a chunk's input of one register block may take
};

struct ConvGeometry {
    int kh, kw, sh, sw, top, left, dh, dw, shuffle;
    int packed_columns;    // of a whole region
    int64_t packed_plane;  // floats from one channel to the next in a packed region
};

static inline ConvGeometry conv_geometry(const Op& op, const ConvTuning& tuning) {
    ConvGeometry g{op.p[2], op.p[3], op.p[4], op.p[5], op.p[6], op.p[7], op.p[10], op.p[11], op.p[15], 0, 0};
    const int64_t rows = int64_t(tuning.rows - 1) * g.sh + int64_t(g.kh - 1) * g.dh + 1;
    g.packed_columns = (tuning.columns - 1) * g.sw + (g.kw - 1) * g.dw + 1;
    g.packed_plane = rows * g.packed_columns * tuning.lanes;
    return g;
}

// Taps come in quads: four offsets in one word, the first in its lowest 16 bits, beside four weights. A kernel reads words
// two quads ahead: a loaded offset is the address of the loads that keep the processor's load ports full, and would wait
// behind them if it were asked for when it is needed. An offset counts, in a packed region, pixels from its first one; for
// direct input (1x1), channels of the group.
constexpr int kQuad = 4;
constexpr int kQuadsAhead = 2;

// The taps of one output channel in one chunk: consecutive quads, the last filled up with anything.
struct TapList {
    uint32_t output;
    uint32_t first_quad;
    uint32_t taps;
};

// Consecutive input channels, and the outputs they feed: those of one convolution group. Their lists follow each other.
struct Chunk {
    int first_channel, channels;
    int first_output, outputs;
    size_t first_list;
};

// View of a ConvTaps, as the kernels take it.
struct Taps {
    bool direct = false;  // 1x1, stride 1, no padding: one chunk a group, for kernels/point.inl
    int chunk_count = 0;
    const Chunk* chunks = nullptr;
    const TapList* lists = nullptr;
    const uint64_t* offsets = nullptr;  // of quads
    const float* weights = nullptr;     // of taps: 4 for each quad
};

struct ConvTaps {
    bool direct = false;
    std::vector<Chunk> chunks;
    std::vector<TapList> lists;
    std::vector<uint64_t> offsets;  // kQuadsAhead more than there are quads
    std::vector<float> weights;

    Taps view() const {
        return {direct, int(chunks.size()), chunks.data(), lists.data(), offsets.data(), weights.data()};
    }
};

// Channels of a chunk, of `available` ones, so that one register block's input stays within `block_bytes`.
int chunk_channels(const ConvGeometry& g, const ConvTuning& t, int available);

// Lists the weights of Conv `op`.
ConvTaps list_taps(const Op& op, const std::vector<Weight>& weights, const ConvTuning& tuning);

}  // namespace slsc
