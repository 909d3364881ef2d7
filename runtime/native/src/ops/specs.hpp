// The operations, for the table.
#pragma once

#include "ops/spec.hpp"

namespace slsc {

extern const OpSpec kConv, kBinary, kUnary, kPool, kGlobalMean, kResize, kPad, kDepthToSpace, kSpaceToDepth, kChannelMean;

}  // namespace slsc
