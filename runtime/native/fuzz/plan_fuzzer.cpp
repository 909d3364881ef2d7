// libFuzzer harness: any bytes are either refused as a plan or run cleanly on a small image.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "../tests/rows.hpp"
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
    const int candidates = slsc_candidates(engine);
    for (int region_width : {5, 16}) {
        int map_rows, map_columns;
        if (slsc_set_region(engine, 5, region_width) != SLSC_OK ||
            slsc_regions(engine, size.height, size.width, &map_rows, &map_columns) != SLSC_OK)
            std::abort();
        std::vector<uint8_t> map(size_t(map_rows) * map_columns);
        for (size_t i = 0; i < map.size(); ++i) map[i] = i % 3 ? uint8_t(i % candidates) : uint8_t(SLSC_LEFT_OUT);
        const slsc_status status =
            slsc_run_map(engine, input.data(), size.height, size.width, map.data(), map_rows, map_columns, output.data());
        if (status != SLSC_OK && status != SLSC_NO_MEMORY) std::abort();
    }
    Rows rows{{in_channels, size.height, size.width, std::move(input)}, {out_channels, height, width, std::move(output)}};
    if (rows.run(engine) != SLSC_OK) std::abort();
}

struct Record {
    size_t at, bytes;
};

size_t ops_at(const slsc::Header& header) {
    return sizeof header + header.features * sizeof(slsc::Feature) + header.values * sizeof(slsc::Value) +
           header.arrays * sizeof(slsc::Array);
}

// The records of the operations, as far as their sizes make sense.
std::vector<Record> ops_of(const uint8_t* data, size_t size, const slsc::Header& header) {
    std::vector<Record> ops;
    size_t at = ops_at(header);
    while (ops.size() < header.ops && at <= size && size - at >= slsc::kOpHeadBytes) {
        uint32_t bytes;
        std::memcpy(&bytes, data + at + offsetof(slsc::Op, bytes), sizeof bytes);
        if (bytes < slsc::kOpHeadBytes || bytes > size - at) break;
        ops.push_back({at, bytes});
        at += bytes;
    }
    return ops;
}

// Sets a word in one of the records to a likely value, or to one close to what it was.
void change_word(uint8_t* data, const Record& record, std::minstd_rand& random) {
    static const int32_t likely[] = {-1, 0,  1,  2,  3,  4,   5,   7,   8,    10,        16,
                                     31, 32, 33, 64, 65, 128, 255, 256, 4096, INT32_MAX, INT32_MIN};
    uint8_t* word = data + record.at + 4 * (random() % (record.bytes / 4));
    int32_t value;
    std::memcpy(&value, word, sizeof value);
    if (random() % 2) value = likely[random() % (sizeof likely / sizeof *likely)];
    else value = int32_t(uint32_t(value) + random() % 7 - 3u);
    std::memcpy(word, &value, sizeof value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    slsc_context* context = nullptr;
    slsc_engine* engine = nullptr;
    const char* isa = size && data[size - 1] % 2 ? "portable" : nullptr;
    if (slsc_context_create(1, &context) != SLSC_OK) return 0;
    if (slsc_open(context, data, size, isa, &engine) == SLSC_OK) {
        run(engine, {7, 11});
        run(engine, {38, 5});
        if (slsc_set_band(engine, 3) == SLSC_OK) run(engine, {7, 11});
        if (slsc_set_memory(engine, 1) == SLSC_OK) run(engine, {38, 5});
        if (slsc_set_capacity(engine, 1) == SLSC_OK) run(engine, {7, 11});
        slsc_close(engine);
    }
    slsc_context_free(context);
    return 0;
}

// Random bytes rarely pass for a plan. Most mutations therefore set one field of a record to a likely value, or repeat or
// drop an operation and keep the header's counts right.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
    std::minstd_rand random(seed);
    slsc::Header header;
    if (size < sizeof header || random() % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
    std::memcpy(&header, data, sizeof header);
    const std::vector<Record> ops = ops_of(data, size, header);
    if (ops.empty()) return LLVMFuzzerMutate(data, size, max_size);
    const Record op = ops[random() % ops.size()];
    switch (random() % 8) {
        case 0:  // repeat an operation after itself
            if (op.bytes > max_size - size) return size;
            std::memmove(data + op.at + op.bytes, data + op.at, size - op.at);
            ++header.ops, header.op_bytes += op.bytes;
            std::memcpy(data, &header, sizeof header);
            return size + op.bytes;
        case 1:  // drop an operation
            std::memmove(data + op.at, data + op.at + op.bytes, size - op.at - op.bytes);
            --header.ops, header.op_bytes -= op.bytes;
            std::memcpy(data, &header, sizeof header);
            return size - op.bytes;
        case 2:  // bytes anywhere, the blob included
            return LLVMFuzzerMutate(data, size, size);
        case 3: {  // one field of any record, but neither magic nor version
            const size_t start = offsetof(slsc::Header, features);
            change_word(data, {start, ops_at(header) - start}, random);
            return size;
        }
        default:  // one field of an operation
            change_word(data, op, random);
            return size;
    }
}
