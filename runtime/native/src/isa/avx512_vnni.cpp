// Convolution in integers for AVX-512 processors with byte permutes (VBMI) and dot products of bytes (VNNI); all else they run as any
// AVX-512 processor does.
#include "isa/isa.hpp"

namespace slsc {

#if defined(__AVX512VBMI__) && defined(__AVX512VNNI__)

#define LANES 16

namespace isa_avx512_vnni {
#include "kernels/int_conv_alone.inl"
}  // namespace isa_avx512_vnni

const IntKernels* integers_avx512_vnni() { return &isa_avx512_vnni::INT_KERNELS; }

#else

const IntKernels* integers_avx512_vnni() { return nullptr; }

#endif

}  // namespace slsc
