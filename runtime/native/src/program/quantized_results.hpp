// What a convolution in integers makes is often quantized at once for the next, and what one of BF16 makes is narrowed: it then stores
// both, and nothing is read again.
#pragma once

#include "program/program.hpp"

namespace slsc {

// Lets convolutions of packed values that make others by pixel pack them, too, in place of the operations that do; those in bfloat16
// make nothing else where nothing else is read: then what the operation makes is the first of these.
void quantize_results(Program& program);

// Lets convolutions in integers that shuffle make a value of U8 where nothing but an operation that quantizes reads what they make.
void quantize_shuffles(Program& program);

// Lets folded pairs read the values of U8 that are dequantized for them alone, where there is a kernel for that.
void fold_bytes(Program& program);

}  // namespace slsc
