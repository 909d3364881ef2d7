#include "isa/isa.hpp"

namespace slsc {

#if defined(__AVX512F__)

#define LANES 16
#define ISA_NAME "avx512"

namespace isa_avx512 {
#include "kernels/table.inl"
}  // namespace isa_avx512

const Kernels* kernels_avx512() { return &isa_avx512::TABLE; }

#else

const Kernels* kernels_avx512() { return nullptr; }

#endif

}  // namespace slsc
