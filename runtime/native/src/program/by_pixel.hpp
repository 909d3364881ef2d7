// Values by pixel: what convolutions of packed values make and add lies as their sums do, a pixel's channels beside each other, so that
// nothing has to be transposed between them. Other operations find strips, to which such a value is rearranged for them.
#pragma once

#include "program/program.hpp"

namespace slsc {

// Chooses the layouts of all values, and adds nodes that rearrange.
void lay_by_pixel(Program& program);

// Whether an operation does nothing but change a layout.
inline bool rearranges(const Program& program, const Op& op) {
    return op.type == OpType::Unary && program.layout(op.in[0]) != program.layout(op.out);
}

}  // namespace slsc
