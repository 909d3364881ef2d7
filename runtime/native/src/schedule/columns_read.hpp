// Which columns of its inputs an operation reads for which columns of its output.
#pragma once

#include "memory/layout.hpp"
#include "plan/plan.hpp"

namespace slsc {

struct Columns {
    int first, end;
};

static inline Columns either(Columns a, Columns b) {
    return {a.first < b.first ? a.first : b.first, a.end > b.end ? a.end : b.end};
}

// Columns of input `input` (of shape `in`) that column x of the output reads, within [0, in.width]. Neither end becomes
// less as x grows; where the operation reads backwards, both are those of the columns around.
Columns columns_read(const Op& op, int input, const Shape& in, const Shape& out, int x);

// Output columns are made in multiples of this.
int columns_at_once(const Op& op);

}  // namespace slsc
