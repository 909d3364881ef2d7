// Convolution in integers and of BF16 for AVX-512 processors that multiply matrices (AMX); all else they run as any AVX-512 processor does.
#include "isa/isa.hpp"

namespace slsc {

#if defined(__AVX512VBMI__) && defined(__AVX512VNNI__) && defined(__AVX512BF16__) && defined(__AMX_INT8__) && defined(__AMX_BF16__)

#define LANES 16

namespace isa_avx512_amx {
#include "kernels/int_conv_alone.inl"
// clang-format off: each needs those before it
#include "kernels/halves.inl"
#include "kernels/dot2.inl"
#include "kernels/half_conv.inl"
// clang-format on
}  // namespace isa_avx512_amx

const IntKernels* integers_avx512_amx() { return &isa_avx512_amx::INT_KERNELS; }
const OpKernel* half_conv_avx512_amx() { return &isa_avx512_amx::half_conv_kernel; }

#else

const IntKernels* integers_avx512_amx() { return nullptr; }
const OpKernel* half_conv_avx512_amx() { return nullptr; }

#endif

}  // namespace slsc
