// How wide a band should be.
#pragma once

#include <vector>

#include "memory/layout.hpp"
#include "plan/plan.hpp"
#include "conv/taps.hpp"

namespace slsc {

// Columns of the image; its width where bands would gain nothing.
int band_width(const Plan& plan, const std::vector<Shape>& shapes, const TapTuning& tuning, int threads);

}  // namespace slsc
