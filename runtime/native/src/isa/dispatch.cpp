// Which instruction sets this build and this processor share.
#include <cstring>

#include "kernels/kernels.hpp"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace slsc {
namespace {

#if defined(__x86_64__) && defined(__linux__)
// Linux gives a process the memory that tiles take in every thread only when it is asked for.
bool may_use_tiles() {
    constexpr int kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    static const bool granted = syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
    return granted;
}
#elif defined(__x86_64__) || defined(__i386__)
bool may_use_tiles() { return false; }
#endif

#if defined(__x86_64__) || defined(__i386__)
bool has_avx512() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma");
}
bool has_vnni() { return __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni"); }
bool has_bf16() {  // which older compilers do not know by name, as AVX-VNNI
    unsigned a = 0, b = 0, c = 0, d = 0;
    return has_avx512() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 5);
}
bool fast_dot2() { return !__builtin_cpu_is("intel"); }  // on which networks take longer than in float32
bool has_amx() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    constexpr unsigned kBf16 = 1u << 22, kTile = 1u << 24, kInt8 = 1u << 25, kAll = kBf16 | kTile | kInt8;
    return has_vnni() && has_bf16() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & kAll) == kAll && may_use_tiles();
}
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx_vnni() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4);
}
#else
bool has_avx512() { return false; }
bool has_vnni() { return false; }
bool has_bf16() { return false; }
bool fast_dot2() { return true; }
bool has_amx() { return false; }
bool has_avx2() { return false; }
bool has_avx_vnni() { return false; }
#endif

#if defined(__aarch64__) && defined(__linux__)
bool has_dot_products() { return getauxval(AT_HWCAP) & HWCAP_ASIMDDP; }
#else
bool has_dot_products() { return false; }
#endif

// Those with a convolution in integers that adds up in 32 bits.
Kernels with_integers(const Kernels& kernels, const IntKernels& integers) {
    Kernels table = kernels;
    table.ops[size_t(OpType::IntConv) - 1] = integers.int_conv;
    table.integers = &integers;
    table.tuning.integers.pair_sum = 0;
    table.fast_integers = true;
    return table;
}

Kernels with_halves(const Kernels& kernels, const OpKernel& half_conv, bool fast) {
    Kernels table = kernels;
    table.ops[size_t(OpType::HalfConv) - 1] = half_conv;
    table.fast_halves = fast;
    return table;
}

// See dot4.inl.
Kernels by_signed_bytes(Kernels table) {
    table.tuning.integers.registers = 2;
    table.tuning.integers.signs = true;
    return table;
}

Kernels with_tiles(Kernels table) {
    table.isa = "amx";
    table.tuning.integers.tiles = table.tuning.halves.tiles = true;
    table.tuning.halves.tap_time = 2.4;
    return table;
}

const Kernels* best_avx512() {
    const Kernels* kernels = has_avx512() ? kernels_avx512() : nullptr;
    if (!kernels) return nullptr;
    const IntKernels* integers = has_vnni() ? integers_avx512_vnni() : nullptr;
    const OpKernel* half_conv = has_bf16() ? half_conv_avx512_bf16() : nullptr;
    static const Kernels with = integers ? with_integers(*kernels, *integers) : *kernels;
    static const Kernels best = half_conv ? with_halves(with, *half_conv, fast_dot2()) : with;
    return &best;
}

const Kernels* best_amx() {
    const Kernels* kernels = has_amx() ? kernels_avx512() : nullptr;
    if (!kernels || !integers_avx512_amx()) return nullptr;
    static const Kernels best =
        with_tiles(with_halves(with_integers(*kernels, *integers_avx512_amx()), *half_conv_avx512_amx(), true));
    return &best;
}

const Kernels* best_avx2() {
    const Kernels* kernels = has_avx2() ? kernels_avx2() : nullptr;
    const IntKernels* integers = has_avx_vnni() ? integers_avx2_vnni() : nullptr;
    if (!kernels || !integers) return kernels;
    static const Kernels best = with_integers(*kernels, *integers);
    return &best;
}

const Kernels* best_neon() {
    const Kernels* kernels = kernels_neon();
    const IntKernels* integers = kernels && has_dot_products() ? integers_neon_dot() : nullptr;
    if (!integers) return kernels;
    static const Kernels best = by_signed_bytes(with_integers(*kernels, *integers));
    return &best;
}

}  // namespace

const Kernels* select_kernels(const char* isa) {
    const Kernels* const offered[] = {
        best_amx(), best_avx512(), best_avx2(), best_neon(), kernels_portable(),
    };
    for (const Kernels* kernels : offered)
        if (kernels && (!isa || std::strcmp(isa, kernels->isa) == 0)) return kernels;
    return nullptr;
}

}  // namespace slsc
