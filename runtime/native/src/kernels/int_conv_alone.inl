// Convolution in integers, and what it needs of the rest of an instruction set: for processors that have more for it than for all else.
// Define LANES, then include this inside a namespace of its own.

// clang-format off: each needs those before it
#include "lanes.inl"
#include "activate.inl"
#include "region.inl"
#include "convert.inl"
#include "by_pixel.inl"
#include "packed.inl"
#include "bytes.inl"
#include "dot4.inl"
#include "int_conv.inl"
#include "folded_bytes.inl"
// clang-format on

static constexpr IntKernels INT_KERNELS{int_conv_kernel, bytes::folded_bytes_kernel};
