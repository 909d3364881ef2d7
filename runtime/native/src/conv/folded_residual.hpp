// Convolutions whose own input is added to their result (RFDN's residuals): as one weight more for each output, which finds that
// input in the first-level cache, instead of reading it from further away when the result is stored.
#pragma once

#include <vector>

#include "plan/plan.hpp"
#include "conv/weights.hpp"

namespace slsc {

// Takes these additions out of the operations of `plan`. By operation: whether its weights have to make up for one.
std::vector<bool> take_additions(Plan& plan);

// Makes Conv `op` add its input to its result.
void add_identity(const Op& op, std::vector<Weight>& weights);

}  // namespace slsc
