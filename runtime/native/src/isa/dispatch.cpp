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
bool has_vnni() { return __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni"); }
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#else
bool has_avx512() { return false; }
bool has_vnni() { return false; }
bool has_avx2() { return false; }
#endif

const Kernels* best_avx512() {
    const Kernels* kernels = has_avx512() ? kernels_avx512() : nullptr;
    const OpKernel* int_conv = has_vnni() ? int_conv_avx512_vnni() : nullptr;
    if (!kernels || !int_conv) return kernels;
    static const Kernels with_integers = [&] {
        Kernels table = *kernels;
        table.ops[size_t(OpType::IntConv) - 1] = *int_conv;
        table.fast_integers = true;
        return table;
    }();
    return &with_integers;
}

}  // namespace

const Kernels* select_kernels(const char* isa) {
    const Kernels* const offered[] = {
        best_avx512(),
        has_avx2() ? kernels_avx2() : nullptr,
        kernels_neon(),
        kernels_portable(),
    };
    for (const Kernels* kernels : offered)
        if (kernels && (!isa || std::strcmp(isa, kernels->isa) == 0)) return kernels;
    return nullptr;
}

}  // namespace slsc
