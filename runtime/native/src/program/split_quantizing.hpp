// What quantizes channels of several convolutions beside each other quantizes those of each by themselves, so that each can do that with
// what it makes, and nothing has to lie in strips in between.
#pragma once

#include "program/program.hpp"

namespace slsc {

// Cuts operations that quantize where convolutions in integers make all of what they read.
void split_quantizing(Program& program);

}  // namespace slsc
