// Sizes of every value for one image size.
#pragma once

#include <vector>

#include "memory/layout.hpp"
#include "program/program.hpp"

namespace slsc {

// Shapes by value for an image of height x width, with strips long enough for every value. Throws Error(SLSC_BAD_SIZE) when the
// network does not take this size.
std::vector<Shape> infer_shapes(const Program& program, int height, int width);

}  // namespace slsc
