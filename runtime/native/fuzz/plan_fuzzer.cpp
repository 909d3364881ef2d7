// libFuzzer harness: any bytes are either refused as a plan or run cleanly on a small image.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "plan/plan.hpp"
#include "slsc/native.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

// A plan may well want more memory for its values than there is: that is an error of the caller's, not a finding.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1:max_allocation_size_mb=256"; }

namespace {

constexpr uint64_t kMaxMacs = 1'000'000, kMaxArenaBytes = 4 << 20;  // for more plans a second

struct Size {
    int height, width;
};

void run(slsc_engine* engine, Size size) {
    int in_channels, out_channels, height, width;
    if (slsc_shape(engine, size.height, size.width, &in_channels, &out_channels, &height, &width) != SLSC_OK) return;
    uint64_t macs = 0;
    for (int i = 0; i < slsc_op_count(engine); ++i) macs += slsc_op_macs(engine, i);
    if (macs > kMaxMacs || slsc_arena_bytes(engine) > kMaxArenaBytes) return;
    // Exactly as large as promised, so that a step beyond is seen.
    std::vector<float> input(size_t(in_channels) * size.height * size.width, 0.5f);
    std::vector<float> output(size_t(out_channels) * height * width);
    if (slsc_run(engine, input.data(), size.height, size.width, output.data()) != SLSC_OK) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    slsc_engine* engine = nullptr;
    const char* isa = size && data[size - 1] % 2 ? "portable" : nullptr;
    if (slsc_open(data, size, 1, isa, &engine) != SLSC_OK) return 0;
    run(engine, {7, 11});
    run(engine, {38, 5});
    if (slsc_set_band(engine, 3) == SLSC_OK) run(engine, {7, 11});
    if (slsc_set_capacity(engine, 1) == SLSC_OK) run(engine, {7, 11});
    slsc_close(engine);
    return 0;
}

// Random bytes rarely pass for a plan. Most mutations therefore set one field of a record to a likely value, or repeat or
// drop an operation and keep the header's count right.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
    using slsc::Header;
    using slsc::Op;
    std::minstd_rand random(seed);
    Header header;
    if (size < sizeof header || random() % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
    std::memcpy(&header, data, sizeof header);
    const uint64_t ops_at = sizeof header + 4 * uint64_t(header.values) + 16 * uint64_t(header.arrays);
    const uint64_t ops_end = ops_at + sizeof(Op) * uint64_t(header.ops);
    if (ops_end > size || header.ops == 0) return LLVMFuzzerMutate(data, size, max_size);
    const uint64_t op_at = ops_at + sizeof(Op) * (random() % header.ops);
    switch (random() % 8) {
        case 0: {  // repeat an operation after itself
            if (size + sizeof(Op) > max_size) return size;
            std::memmove(data + op_at + sizeof(Op), data + op_at, size - op_at);
            ++header.ops;
            std::memcpy(data, &header, sizeof header);
            return size + sizeof(Op);
        }
        case 1:  // drop an operation
            std::memmove(data + op_at, data + op_at + sizeof(Op), size - op_at - sizeof(Op));
            --header.ops;
            std::memcpy(data, &header, sizeof header);
            return size - sizeof(Op);
        case 2:  // bytes anywhere, the blob included
            return LLVMFuzzerMutate(data, size, size);
        default: {  // one field of a record
            static const int32_t likely[] = {-1, 0, 1, 2, 3, 4, 5, 7, 8, 10, 16, 31, 32, 33, 64, 65, 128, 255, 256, 4096, INT32_MAX, INT32_MIN};
            const uint64_t words = ops_end / 4, first = random() % 4 ? op_at / 4 : 2;
            const uint64_t word = std::min(first + random() % (first == 2 ? words - 2 : sizeof(Op) / 4), words - 1);
            int32_t value;
            std::memcpy(&value, data + 4 * word, 4);
            if (random() % 2) value = likely[random() % (sizeof likely / sizeof *likely)];
            else value = int32_t(uint32_t(value) + random() % 7 - 3u);
            std::memcpy(data + 4 * word, &value, 4);
            return size;
        }
    }
}
