// A dense convolution with so few outputs that the sums of all of them stay in registers: how a network often ends.
#pragma once

#include <memory>
#include <vector>

#include "conv/variant.hpp"

namespace slsc {

constexpr int kFewOutputs = 4;
constexpr int kFewOutputsRows = 16;  // most rows of the kernel

// View of FewOutputsWeights, as the kernels take it.
struct FewOutputs {
    const float* weights = nullptr;
};

// All weights, zeros too: [kernel row][channel][kernel column][output].
struct FewOutputsWeights {
    std::vector<float> weights;

    FewOutputs view() const { return {weights.data()}; }
};

// The row of kernels/few_outputs.inl: where it can run a convolution that is better run dense, whose input stays in the L2 cache
// from row to row.
bool suits_few_outputs(const ConvSource& source, const ConvTuning& tuning);
std::shared_ptr<const void> prepare_few_outputs(const ConvSource& source, const ConvTuning& tuning);

}  // namespace slsc
