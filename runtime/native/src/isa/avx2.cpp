#include "isa/isa.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace slsc {

#if defined(__AVX2__)

#define LANES 8
#define ISA_NAME "avx2"

namespace isa_avx2 {
#include "kernels/table.inl"
}  // namespace isa_avx2

const Kernels* kernels_avx2() { return &isa_avx2::TABLE; }

#else

const Kernels* kernels_avx2() { return nullptr; }

#endif

}  // namespace slsc
