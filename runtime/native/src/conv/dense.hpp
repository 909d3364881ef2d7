// Dense convolution: all weights, zeros too, by blocks of output channels that share the loads of their input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "conv/variant.hpp"

namespace slsc {

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

    Dense view() const { return {int(panels.size()), panels.data(), chunks.data(), blocks.data(), offsets.data(), weights.data()}; }
};

// The row of kernels/dense.inl: where most weights are kept it is faster to multiply zeros, too, in blocks that share loads.
bool suits_dense(const ConvSource& source, const ConvTuning& tuning);
std::shared_ptr<const void> prepare_dense(const ConvSource& source, const ConvTuning& tuning);

}  // namespace slsc
