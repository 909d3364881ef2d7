// 1x1 convolutions that run with a larger one of the same input: what that packs of a row is in the first-level cache then.
// Blocks that distil (RFDN, IMDN) begin so.
#pragma once

#include <vector>

#include "conv/convolution.hpp"
#include "plan/plan.hpp"

namespace slsc {

// By operation: the one it runs with, which for most is itself, and else stands behind it and nothing but others that run with it.
// `convolutions`: by operation, as each runs on its own.
std::vector<int> run_beside(const Plan& plan, const std::vector<Convolution>& convolutions);

}  // namespace slsc
