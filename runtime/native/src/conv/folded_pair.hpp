// Two convolutions with nothing but a shuffle between them, made one.
//
// EDSR and its kin end so: 3x3 to 4 times the channels, shuffled to twice the size, 3x3 to the colours. As one linear map of
// the first's input, with the colours of 2x2 pixels as its outputs and a window of 4x4 for each, that is a twelfth of the
// multiply-adds of the dense layers, and a value of the restored image's size less.
//
// What the second convolution reads beyond the image is zero, though, and not what the first's weights would make of what
// lies inside. So pixels along the image's border have weights of their own.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/plan.hpp"

namespace slsc {

constexpr int kBorders = 4;  // of an axis: bit 0 for its first pixel, bit 1 for its last

// View of MergedWeights, as the kernels take it.
struct Merged {
    int rows = 0, columns = 0;  // of the window of one output pixel; 0: none
    const int* top = nullptr;
    const int* left = nullptr;
    const float* weights = nullptr;
    const float* bias = nullptr;
};

// The merged weights, by output pixel (dy, dx) of the shuffle and border of either axis.
struct MergedWeights {
    int rows = 0, columns = 0;
    std::vector<int> top, left;  // by dy, dx: where its window begins in the window of all, which Op::p tells
    std::vector<float> weights;  // [down's border][across's][dy][dx][row][channel][column][output]
    std::vector<float> bias;     // [down's border][across's][dy][dx][output]
    uint64_t macs = 0;           // a pixel before the shuffle

    Merged view() const { return {rows, columns, top.data(), left.data(), weights.data(), bias.data()}; }
};

// Operations of the plan as it was loaded that one operation does.
struct Pair {
    Op first, second;
};

// By operation: the one before it that it may be merged with, where that is less work; -1 for none. `tap_cost`: see Kernels.
std::vector<int> mergeable_firsts(const Plan& plan, double tap_cost);

// The operation that does both: the second's act and operand, the first's input and shuffle, a window to hold all windows.
Op merged_op(const Pair& pair);

// Its weights, of those that both keep at `capacity` (0: all).
MergedWeights merge(const Plan& plan, const Pair& pair, int capacity);

}  // namespace slsc
