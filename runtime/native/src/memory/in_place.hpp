// Which values can lie in the same place because one is made of the other, element by element.
#pragma once

#include <vector>

#include "program/program.hpp"
#include "schedule/bands.hpp"

namespace slsc {

// By value: the value whose place it shares, itself for most.
std::vector<int> shared_places(const Program& program, const Bands& bands);

}  // namespace slsc
