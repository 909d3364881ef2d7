// A folded convolution pair whose input is of U8: its weights in 16 bits, high and low bytes apart, so that dot products of bytes add
// them up. A vector is a pixel's channels; every output has sums of its own, in which lanes are added up last.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "conv/folded_pair.hpp"
#include "conv/packed_conv.hpp"
#include "conv/variant.hpp"

namespace slsc {

constexpr int kMostFoldedWeight = 127 * 256 + 127;  // whose high byte and low byte are both of -128..127

// View of FoldedBytesWeights, as the kernels take it.
struct FoldedBytes {
    Folded window;  // its weights and biases are not read
    int blocks = 0;  // of input channels
    int zero = 0;  // of the input
    const uint8_t* weights = nullptr;
    const int32_t* start = nullptr;
    const float *scale = nullptr, *bias = nullptr;
};

// By border of either axis and output pixel, as FoldedPairWeights.
struct FoldedBytesWeights {
    std::shared_ptr<const void> folded;
    FoldedBytes sizes;
    std::vector<CacheLine> weights;  // [row][column][block][output][high, low]: vectors of bytes
    std::vector<int32_t> start;  // [output][lane]: what makes up for the input's zero
    std::vector<float> scale, bias;  // [output]

    FoldedBytes view() const {
        return {sizes.window, sizes.blocks, sizes.zero, weights.front().bytes, start.data(), scale.data(), bias.data()};
    }
};

// `source`: of a pair, whose operation reads a value of U8 that stands for numbers as `in` says.
std::shared_ptr<const void> prepare_folded_bytes(const ConvSource& source, const ConvTuning& tuning, const Quantization& in);

}  // namespace slsc
