// Which convolutions are folded into the one behind them; see conv/folded_pair.hpp.
#pragma once

#include <vector>

#include "plan/plan.hpp"

namespace slsc {

// By operation of a candidate of `plan`: the one before it that is folded into it; -1 for none. `tap_cost`: see ConvTuning.
std::vector<int> folded_firsts(const Plan& plan, int candidate, double tap_cost);

}  // namespace slsc
