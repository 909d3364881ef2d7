// Sibling 1x1 convolutions: those that run together with a larger one of the same input, since what that packs of a row is in the
// L1 cache then. Blocks that distil (RFDN, IMDN) begin so.
#pragma once

#include <vector>

#include "program/program.hpp"

namespace slsc {

// By node: the one it runs with, which for most is itself, and else stands behind it and nothing but others that run with it.
// `programs`: of one or more candidates of a plan, with the same nodes; all of them agree.
std::vector<int> sibling_leaders(const std::vector<Program>& programs);

}  // namespace slsc
