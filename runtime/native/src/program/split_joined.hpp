// A 1x1 convolution of a concatenation whose parts are made far apart -> a sum that grows part by part.
//
// RFDN's blocks end so: a part that waits for the last one is held for as many rows as all blocks between them read ahead, and the
// concatenation is the largest value of the network. The sum so far has the size of one part, and the part is gone once it is added.
// Compilation does the same (slsc/passes/lowering/accumulate.py) where no group of sparse weights lies across two parts.
#pragma once

#include "program/program.hpp"

namespace slsc {

// Replaces such convolutions. Nodes have no weights and no leaders yet.
void split_joined(Program& program);

}  // namespace slsc
