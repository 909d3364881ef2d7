// What packs the channels of several convolutions beside each other packs those of each by themselves, so that each can do that with
// what it makes, and nothing has to lie in strips in between.
#pragma once

#include "program/program.hpp"

namespace slsc {

// Cuts operations that quantize or narrow where convolutions of the same type make all of what they read.
void split_packing(Program& program);

}  // namespace slsc
