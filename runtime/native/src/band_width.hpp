// How wide a band should be.
#pragma once

#include <vector>

#include "layout.hpp"
#include "plan.hpp"
#include "taps.hpp"

namespace slsc {

// Columns of the image; its width where bands would gain nothing.
int band_width(const Plan& plan, const std::vector<Shape>& shapes, const TapTuning& tuning, int threads);

}  // namespace slsc
