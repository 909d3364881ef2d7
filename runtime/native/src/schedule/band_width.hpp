// How many columns of the image make a band.
#pragma once

#include <vector>

#include "memory/layout.hpp"
#include "program/program.hpp"

namespace slsc {

// As many as suit the caches, the network and `threads` threads.
int band_width(const Program& program, const std::vector<Shape>& shapes, int threads);

}  // namespace slsc
