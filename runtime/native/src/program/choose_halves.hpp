// Convolutions in bfloat16 that are faster in float32 on this processor, of which the plan knows nothing, become such.
#pragma once

#include "program/program.hpp"

namespace slsc {

// Their weights stay what they are; inputs that they alone would have read are no longer rounded.
void choose_halves(Program& program);

}  // namespace slsc
