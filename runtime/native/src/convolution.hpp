// A convolution made ready to run, by whichever kernel is faster for its weights.
#pragma once

#include <cstdint>
#include <vector>

#include "dense.hpp"
#include "kernels.hpp"
#include "taps.hpp"

namespace slsc {

struct Convolution {
    // Two of these are empty.
    ConvTaps taps;
    DenseLists dense;
    std::vector<float> few;
    uint64_t macs = 0;  // a pixel of the output: kept weights
};

// Conv `op` of `plan`, with the weights it keeps at `capacity` of every m (0: all).
Convolution ready_convolution(const Plan& plan, const Op& op, int capacity, const Kernels& kernels);

}  // namespace slsc
