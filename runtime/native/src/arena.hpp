// Places of values in one block of memory, shared by values that are never needed at once, and by the operand and the
// result of pointwise work.
#pragma once

#include <cstddef>
#include <vector>

#include "layout.hpp"
#include "plan.hpp"

namespace slsc {

struct Placement {
    std::vector<size_t> offsets;  // floats, by value
    size_t floats = 0;            // of the whole arena, guards included
};

Placement place_values(const Plan& plan, const std::vector<Shape>& shapes, int lanes);

}  // namespace slsc
