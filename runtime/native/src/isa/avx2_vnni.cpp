// Convolution in integers for AVX2 processors with dot products of bytes (AVX-VNNI); all else they run as any AVX2 processor does.
#include "isa/isa.hpp"

namespace slsc {

#if defined(__AVX2__) && defined(__AVXVNNI__)

#define LANES 8

namespace isa_avx2_vnni {
#include "kernels/int_conv_alone.inl"
}  // namespace isa_avx2_vnni

const IntKernels* integers_avx2_vnni() { return &isa_avx2_vnni::INT_KERNELS; }

#else

const IntKernels* integers_avx2_vnni() { return nullptr; }

#endif

}  // namespace slsc
