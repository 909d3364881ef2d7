// A plan with convolutions in integers -> the same network in float32.
#pragma once

#include <memory>

#include "plan/plan.hpp"

namespace slsc {

// The plan with weights as what their integers stand for, and values that are not rounded; itself where it has no integers.
std::shared_ptr<const Plan> in_floats(std::shared_ptr<const Plan> plan);

}  // namespace slsc
