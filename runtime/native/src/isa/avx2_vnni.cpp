// Convolution in integers for AVX2 processors with dot products of bytes (AVX-VNNI); all else they run as any AVX2 processor does.
#include "isa/isa.hpp"

namespace slsc {

#if defined(__AVX2__) && defined(__AVXVNNI__)

#define LANES 8

namespace isa_avx2_vnni {
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
}  // namespace isa_avx2_vnni

const OpKernel* int_conv_avx2_vnni() { return &isa_avx2_vnni::int_conv_kernel; }

#else

const OpKernel* int_conv_avx2_vnni() { return nullptr; }

#endif

}  // namespace slsc
