// A folded convolution pair: two convolutions with nothing but a shuffle between them, made one.
//
// EDSR and its kin end so: 3x3 to 4 times the channels, shuffled to twice the size, 3x3 to the colours. As one linear map of
// the first's input, with the colours of 2x2 pixels as its outputs and a window of 4x4 for each, that is a twelfth of the
// FMAs of the dense layers, and a value of the restored image's size less.
//
// What the second convolution reads beyond the image is zero, though, and not what the first's weights would make of what
// lies inside. So pixels along the image's border have weights of their own.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "conv/variant.hpp"

namespace slsc {

constexpr int kBorders = 4;  // of an axis: bit 0 for its first pixel, bit 1 for its last

// Two convolutions of the plan that one operation does.
struct FoldedPair {
    Op first, second;
};

// View of FoldedPairWeights, as the kernels take it.
struct Folded {
    int rows = 0, columns = 0;  // of the window of one output pixel
    const int* top = nullptr;
    const int* left = nullptr;
    const float* weights = nullptr;
    const float* bias = nullptr;
};

// The weights of both, by output pixel (dy, dx) of the shuffle and border of either axis.
struct FoldedPairWeights {
    int rows = 0, columns = 0;
    std::vector<int> top, left;  // by dy, dx: where its window begins in the window of all, which the folded operation has
    std::vector<float> weights;  // [down's border][across's][dy][dx][row][channel][column][output]
    std::vector<float> bias;     // [down's border][across's][dy][dx][output]

    Folded view() const { return {rows, columns, top.data(), left.data(), weights.data(), bias.data()}; }
};

// FMAs of the folded pair, a pixel before the shuffle.
uint64_t folded_weights(const FoldedPair& pair);

// Whether the pair can be folded, and that is less work. `tap_cost`: see ConvTuning.
bool worth_folding(const Plan& plan, const FoldedPair& pair, double tap_cost);

// The operation that does both: the second's act and operand, the first's input and shuffle, a window to hold all windows.
Op folded_op(const FoldedPair& pair);

// The row of kernels/folded_pair.inl.
bool suits_folded_pair(const ConvSource& source, const ConvTuning& tuning);
std::shared_ptr<const void> prepare_folded_pair(const ConvSource& source, const ConvTuning& tuning);

}  // namespace slsc
