// Convolution of BF16 for AVX-512 processors with dot products of it; all else they run as any AVX-512 processor does.
#include "isa/isa.hpp"

namespace slsc {

#if defined(__AVX512BW__) && defined(__AVX512BF16__)

#define LANES 16

namespace isa_avx512_bf16 {
// clang-format off: each needs those before it
#include "kernels/lanes.inl"
#include "kernels/activate.inl"
#include "kernels/region.inl"
#include "kernels/convert.inl"
#include "kernels/by_pixel.inl"
#include "kernels/packed.inl"
#include "kernels/halves.inl"
#include "kernels/dot2.inl"
#include "kernels/half_conv.inl"
// clang-format on
}  // namespace isa_avx512_bf16

const OpKernel* half_conv_avx512_bf16() { return &isa_avx512_bf16::half_conv_kernel; }

#else

const OpKernel* half_conv_avx512_bf16() { return nullptr; }

#endif

}  // namespace slsc
