#include "memory/memory.hpp"

#include <cstring>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace slsc {
namespace {

constexpr size_t kAlignment = 64, kHugePage = size_t(2) << 20;
constexpr size_t kMaxFloats = size_t(1) << 40;

// Channels lie far apart: with small pages every run of pixels of each channel would miss in the address cache.
float* aligned_memory(size_t bytes) {
    const size_t alignment = bytes < kHugePage ? kAlignment : kHugePage;
    bytes = (bytes + alignment - 1) / alignment * alignment;
    void* memory = std::aligned_alloc(alignment, bytes);
#if defined(__linux__)
    if (memory && alignment == kHugePage) madvise(memory, bytes, MADV_HUGEPAGE);  // as fast as without where refused
#endif
    return static_cast<float*>(memory);
}

}  // namespace

// Zeroed, because lanes past the image's end are computed on too and should meet no NaN.
bool Memory::grow(size_t floats) {
    if (floats <= held_) return true;
    floats_.reset();
    held_ = 0;
    if (floats > kMaxFloats) return false;
    float* memory = aligned_memory(floats * sizeof(float));
    if (!memory) return false;
    std::memset(memory, 0, floats * sizeof(float));
    floats_.reset(memory);
    held_ = floats;
    return true;
}

}  // namespace slsc
