// A convolution made ready to run: its kept weights as lists of taps, by chunk of input channels and output channel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "plan.hpp"

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

// One kept weight. `offset`: in a packed region, floats from its first pixel; for direct input (1x1), channels from the
// chunk's first.
struct Tap {
    int32_t offset;
    float weight;
};

// Consecutive input channels, and the outputs they feed: those of one convolution group.
struct Chunk {
    int first_channel, channels;
    int first_output, outputs;
    size_t first_start;  // index into `starts`, of `outputs` + 1 entries
};

// View of a TapLists, as the kernels take it.
struct Taps {
    bool direct = false;  // 1x1, stride 1, no padding: reads the value where it lies
    int chunk_count = 0;
    const Chunk* chunks = nullptr;
    const uint32_t* starts = nullptr;   // taps of the i-th output of a chunk: starts[first_start + i .. + i + 1)
    const uint32_t* outputs = nullptr;  // which output that is: outputs[first_start + i]
    const Tap* taps = nullptr;
};

struct TapLists {
    bool direct = false;
    std::vector<Chunk> chunks;
    std::vector<uint32_t> starts, outputs;
    std::vector<Tap> taps;

    Taps view() const {
        return {direct, int(chunks.size()), chunks.data(), starts.data(), outputs.data(), taps.data()};
    }
};

// Lists the weights that Conv `op` of `plan` keeps at `capacity` of every m (0: all).
TapLists list_taps(const Plan& plan, const Op& op, int capacity, const ConvTuning& tuning);

}  // namespace slsc
