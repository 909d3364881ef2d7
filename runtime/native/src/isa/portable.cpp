// Four lanes in whatever vectors the compiler's base instruction set has.
#include "isa/isa.hpp"

#define LANES 4
#define ISA_NAME "portable"

namespace slsc {
namespace isa_portable {
#include "kernels/table.inl"
}  // namespace isa_portable

const Kernels* kernels_portable() { return &isa_portable::TABLE; }

}  // namespace slsc
