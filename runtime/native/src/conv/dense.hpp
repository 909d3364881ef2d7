// A dense convolution made ready to run: its weights by blocks of output channels that share the loads of their input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "conv/taps.hpp"

namespace slsc {

// How an instruction set cuts convolutions up; see kernels/dense.inl.
struct DenseTuning {
    int lanes;
    int block_rows, block_columns;  // of a register block
    int rows, columns;              // of a region: multiples of the block's
    int outputs;                    // output channels whose sums are held at once
    int block_bytes;                // most that a chunk's input of one register block may take
};

constexpr int kDenseBlock = 4;  // most output channels of a block

// Taps of consecutive output channels: a weight for each of them. A tap that is 0 for all of them is left out.
struct DenseBlock {
    int first_output, outputs;
    size_t first_tap, taps;  // in `offsets`
    size_t first_weight;     // in `weights`: [tap][output]
};

// Consecutive input channels.
struct DenseChunk {
    int first_channel, channels;
    size_t first_block, blocks;  // those of kDenseBlock outputs come first
};

// Output channels of one convolution group whose sums are held at once.
struct Panel {
    int first_output, outputs;
    size_t first_chunk, chunks;
};

// View of a DenseLists, as the kernels take it.
struct Dense {
    int panel_count = 0;
    const Panel* panels = nullptr;
    const DenseChunk* chunks = nullptr;
    const DenseBlock* blocks = nullptr;
    const int32_t* offsets = nullptr;  // in a packed region, floats from its first pixel
    const float* weights = nullptr;
};

struct DenseLists {
    std::vector<Panel> panels;
    std::vector<DenseChunk> chunks;
    std::vector<DenseBlock> blocks;
    std::vector<int32_t> offsets;
    std::vector<float> weights;

    Dense view() const {
        return {int(panels.size()), panels.data(), chunks.data(), blocks.data(), offsets.data(), weights.data()};
    }
};

// Lists the weights of Conv `op`.
DenseLists list_dense(const Op& op, const std::vector<Weight>& weights, const DenseTuning& tuning);

}  // namespace slsc
