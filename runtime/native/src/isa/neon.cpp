#include "isa/isa.hpp"

namespace slsc {

#if defined(__ARM_NEON)

#define LANES 4
#define ISA_NAME "neon"

namespace isa_neon {
#include "kernels/table.inl"
}  // namespace isa_neon

const Kernels* kernels_neon() { return &isa_neon::TABLE; }

#else

const Kernels* kernels_neon() { return nullptr; }

#endif

}  // namespace slsc
