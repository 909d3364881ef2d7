// Convolution in integers for AVX-512 processors with byte permutes (VBMI) and dot products of bytes (VNNI); all else they run as any
// AVX-512 processor does.
#include "isa/isa.hpp"

namespace slsc {

#if defined(__AVX512VBMI__) && defined(__AVX512VNNI__)

#define LANES 16

namespace isa_avx512_vnni {
// clang-format off: each needs those before it
#include "kernels/lanes.inl"
#include "kernels/activate.inl"
#include "kernels/region.inl"
#include "kernels/convert.inl"
#include "kernels/packed.inl"
#include "kernels/bytes.inl"
#include "kernels/dot4.inl"
#include "kernels/int_conv.inl"
// clang-format on
}  // namespace isa_avx512_vnni

const OpKernel* int_conv_avx512_vnni() { return &isa_avx512_vnni::int_conv_kernel; }

#else

const OpKernel* int_conv_avx512_vnni() { return nullptr; }

#endif

}  // namespace slsc
