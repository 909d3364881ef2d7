// Which values can lie in the same place because one is made of the other, element by element.
#pragma once

#include <vector>

#include "schedule/bands.hpp"
#include "plan/plan.hpp"

namespace slsc {

// By value: the value whose place it shares, itself for most. Steps through `bands`, and restarts it.
std::vector<int> shared_places(const Plan& plan, Bands& bands);

}  // namespace slsc
