// A convolution made ready to run, by whichever kernel is faster for its weights.
#pragma once

#include <cstdint>
#include <vector>

#include "dense.hpp"
#include "kernels.hpp"
#include "merged.hpp"
#include "taps.hpp"

namespace slsc {

struct Convolution {
    // All of these but one are empty.
    ConvTaps taps;
    DenseLists dense;
    std::vector<float> few;
    MergedWeights merged;
    uint64_t macs = 0;  // a pixel of the output: kept weights
};

// Conv `op` of `plan`, with the weights it keeps at `capacity` of every m (0: all).
Convolution ready_convolution(const Plan& plan, const Op& op, int capacity, const Kernels& kernels);

// The same of two that one operation does.
Convolution ready_pair(const Plan& plan, const Pair& pair, int capacity);

}  // namespace slsc
