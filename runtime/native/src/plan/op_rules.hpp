// What the loader must know of each operation.
#pragma once

#include <cstdint>

#include "plan/op_check.hpp"

namespace slsc {

struct OpRule {
    const char* name;
    uint32_t param_bytes;
    bool activates;  // act may be other than None

    // The parameters' own bounds, the arrays, and whether there is a second input.
    void (*check)(const OpCheck&);
};

// Null for a type that this reader does not know.
const OpRule* rule_of(uint32_t type);

}  // namespace slsc
