// The operations, for the table.
#pragma once

#include "ops/spec.hpp"

namespace slsc {

#define SLSC_OP(Name, name) extern const OpSpec k##Name;
SLSC_OPS(SLSC_OP)
#undef SLSC_OP

}  // namespace slsc
