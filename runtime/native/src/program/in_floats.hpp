// A plan with convolutions of packed values -> the same network with some or all of them in float32.
#pragma once

#include <memory>

#include "program/program.hpp"

namespace slsc {

// The plan with weights as what is stored of them stands for, and values not rounded, but of types that are kept; itself where it has no
// others. Operations that have nothing left to do are of type None, and read and write nothing.
std::shared_ptr<const Plan> in_floats(std::shared_ptr<const Plan> plan, Precision precision);

}  // namespace slsc
