// What makes a parsed plan safe to run: every index, range, size and order in it.
#pragma once

#include "plan/plan.hpp"

namespace slsc {

// Throws Error(SLSC_BAD_PLAN), naming the operation and the field, unless the engine can run `plan` on an image of any size
// without reading or writing anything it does not own.
void check_plan(const Plan& plan);

}  // namespace slsc
