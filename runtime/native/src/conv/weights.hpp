// The weights of a convolution one by one, as its plan keeps them.
#pragma once

#include <vector>

#include "plan/plan.hpp"

namespace slsc {

struct Weight {
    int output, channel, row, column;  // channel of the convolution's whole input
    float value;
};

// The weights other than 0 that Conv `op` of `plan` keeps at `capacity` of every m (0: all).
std::vector<Weight> kept_weights(const Plan& plan, const Op& op, int capacity);

// The same of an IntConv, as the integers that are stored.
std::vector<Weight> kept_integers(const Plan& plan, const Op& op, int capacity);

}  // namespace slsc
