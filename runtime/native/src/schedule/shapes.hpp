// Sizes of every value for one image size.
#pragma once

#include <string>
#include <vector>

#include "memory/layout.hpp"
#include "plan/plan.hpp"

namespace slsc {

// Shapes by value for an image of height x width, with strips long enough for every value. Returns false and a reason in
// `error` when the network does not take this size.
bool infer_shapes(const Plan& plan, int lanes, int height, int width, std::vector<Shape>& shapes, std::string& error);

}  // namespace slsc
