// What this library is, for those that load it at run time.
#include <algorithm>
#include <string>

#include "kernels/kernels.hpp"
#include "slsc/native.h"

namespace {

constexpr const char* kIsas[] = {"avx512", "avx2", "neon", "portable"};
constexpr const char* kCalls[] = {"bundle", "context"};

template <size_t Count>
bool among(const char* const (&names)[Count], const std::string& name) {
    return std::find(names, names + Count, name) != names + Count;
}

}  // namespace

extern "C" {

const char* slsc_version(void) { return SLSC_VERSION; }

int slsc_has(const char* feature) {
    if (!feature) return 0;
    return among(kCalls, feature) || (among(kIsas, feature) && slsc::select_kernels(feature));
}

}  // extern "C"
