// Runs a schedule on an image.
#pragma once

#include <vector>

#include "api/context.hpp"
#include "schedule/schedule.hpp"

namespace slsc {

// `input`, `output`: planar, of the schedule's sizes. Adds to `seconds`, by operation of the plan. Throws Error(SLSC_NO_MEMORY).
void run_schedule(const Schedule& schedule, Context& context, const float* input, float* output, std::vector<double>& seconds);

}  // namespace slsc
