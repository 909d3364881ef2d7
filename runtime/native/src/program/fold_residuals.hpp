// Folded residuals: convolutions whose own input is added to their result (RFDN's) get one weight more for each output, which finds
// that input in the L1 cache, instead of reading it from further away when the result is stored.
#pragma once

#include <vector>

#include "conv/weights.hpp"
#include "plan/ops.hpp"

namespace slsc {

// Takes such an addition out of `op`; false where it has none.
bool take_residual(Op& op);

// Makes up for it in the weights of a convolution.
void add_residual(const ConvParams& conv, std::vector<Weight>& weights);

}  // namespace slsc
