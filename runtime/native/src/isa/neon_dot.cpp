// Convolution in integers for ARM processors with dot products of bytes (ARMv8.2); all else they run as any processor with NEON does.
#include "isa/isa.hpp"

namespace slsc {

#if defined(__ARM_NEON) && defined(__ARM_FEATURE_DOTPROD)

#define LANES 4

namespace isa_neon_dot {
#include "kernels/int_conv_alone.inl"
}  // namespace isa_neon_dot

const IntKernels* integers_neon_dot() { return &isa_neon_dot::INT_KERNELS; }

#else

const IntKernels* integers_neon_dot() { return nullptr; }

#endif

}  // namespace slsc
