// Which instruction sets this build and this processor share.
#include <cstring>

#include "kernels/kernels.hpp"

namespace slsc {
namespace {

#if defined(__x86_64__) || defined(__i386__)
bool has_avx512() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma");
}
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#else
bool has_avx512() { return false; }
bool has_avx2() { return false; }
#endif

}  // namespace

const Kernels* select_kernels(const char* isa) {
    const Kernels* const offered[] = {
        has_avx512() ? kernels_avx512() : nullptr,
        has_avx2() ? kernels_avx2() : nullptr,
        kernels_neon(),
        kernels_portable(),
    };
    for (const Kernels* kernels : offered)
        if (kernels && (!isa || std::strcmp(isa, kernels->isa) == 0)) return kernels;
    return nullptr;
}

}  // namespace slsc
