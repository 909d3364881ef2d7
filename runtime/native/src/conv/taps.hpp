// A convolution made ready to run: its kept weights as lists of taps, by chunk of input channels and output channel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "plan/plan.hpp"
#include "conv/weights.hpp"

namespace slsc {

struct ConvGeometry {
    int kh, kw, sh, sw, top, left, dh, dw, shuffle;
    int packed_columns;    // of the input of a whole region
    int64_t packed_plane;  // floats of one channel of it
};

// For regions of `rows` x `columns` of the output.
static inline ConvGeometry conv_geometry(const Op& op, int lanes, int rows, int columns) {
    ConvGeometry g{op.p[2], op.p[3], op.p[4], op.p[5], op.p[6], op.p[7], op.p[10], op.p[11], op.p[15], 0, 0};
    g.packed_columns = (columns - 1) * g.sw + (g.kw - 1) * g.dw + 1;
    g.packed_plane = (int64_t(rows - 1) * g.sh + int64_t(g.kh - 1) * g.dh + 1) * g.packed_columns * lanes;
    return g;
}

// How an instruction set cuts convolutions up; see kernels/conv.inl.
struct TapTuning {
    int lanes;
    int rows, columns;  // of a region
    int window_bytes;   // most that the input may take which a chunk's lists read
    bool pairs;         // two lists at once where they are equally long
};

// Taps come in quads: four offsets in one word, the first in its lowest 16 bits, beside four weights. A kernel reads words
// two quads ahead: a loaded offset is the address of the loads that keep the processor's load ports full, and would wait
// behind them if it were asked for when it is needed. An offset counts pixels of a chunk's packed input, which is
// [row][channel][column], from the first one that a list covers; where
// the input is direct, channels of the group.
constexpr int kQuad = 4;
constexpr int kQuadsAhead = 2;

// Taps of one output channel: quads, the last filled up with anything. They follow each other, or, of a pair of lists, which
// are equally long, take turns with the other's.
struct TapList {
    uint32_t output;
    uint32_t first_quad;
    uint32_t taps;
    bool paired;  // with the one behind or before it
};

// Consecutive input channels of one convolution group, which has `parts` chunks, and the outputs they feed. There are
// `outputs` lists for the first kernel rows, then as many for the next ones, all following each other.
struct Chunk {
    int first_channel, channels;
    int first_output, outputs;
    int part, parts;
    size_t first_list;
};

// View of a ConvTaps, as the kernels take it.
struct Taps {
    bool direct = false;  // 1x1, stride 1, no padding: one chunk a group, for kernels/point.inl
    int kernel_rows = 1;  // that a list covers: all or one
    int chunk_count = 0;
    const Chunk* chunks = nullptr;
    const TapList* lists = nullptr;
    const uint64_t* offsets = nullptr;  // of quads
    const float* weights = nullptr;     // of taps: 4 for each quad
};

struct ConvTaps {
    bool direct = false;
    int kernel_rows = 1;
    std::vector<Chunk> chunks;
    std::vector<TapList> lists;
    std::vector<uint64_t> offsets;  // kQuadsAhead more than there are quads
    std::vector<float> weights;

    Taps view() const {
        return {direct, kernel_rows, int(chunks.size()), chunks.data(), lists.data(), offsets.data(), weights.data()};
    }
};

// Lists the weights of Conv `op`; `m`: size of the groups that keep equally many weights, 1 where there are none.
ConvTaps list_taps(const Op& op, const std::vector<Weight>& weights, int m, const TapTuning& tuning);

}  // namespace slsc
