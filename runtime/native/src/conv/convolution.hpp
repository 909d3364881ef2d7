// A convolution made ready to run, by whichever kernel is faster for its weights.
#pragma once

#include <cstdint>
#include <vector>

#include "conv/dense.hpp"
#include "kernels/kernels.hpp"
#include "conv/folded_pair.hpp"
#include "conv/taps.hpp"

namespace slsc {

struct Convolution {
    // All of these but one are empty.
    ConvTaps taps;
    DenseLists dense;
    std::vector<float> few;
    MergedWeights merged;
    uint64_t macs = 0;  // a pixel of the output: kept weights
};

// Conv `op` of `plan`, with the weights it keeps at `capacity` of every m (0: all), and the identity where that is to be added.
Convolution ready_convolution(const Plan& plan, const Op& op, bool identity, int capacity, const Kernels& kernels);

// Conv `point` as it is run with the Conv `window` behind it; see beside.hpp.
Convolution ready_beside(const Plan& plan, const Op& point, const Op& window, int capacity, const Kernels& kernels);

// The same of two that one operation does.
Convolution ready_pair(const Plan& plan, const Pair& pair, int capacity);

}  // namespace slsc
