#include "plan/plan.hpp"

#include <cstring>

#include "plan/check.hpp"

namespace slsc {
namespace {

constexpr uint32_t kMaxRecords = 1 << 14;       // values, arrays, operations
constexpr uint64_t kMaxBlob = uint64_t(1) << 31;

void require(bool good, const std::string& why) {
    if (!good) throw BadPlan(why);
}

Header parse_header(const uint8_t* bytes, size_t size) {
    Header header;
    require(size >= sizeof header, "header: the file is cut short");
    std::memcpy(&header, bytes, sizeof header);
    require(std::memcmp(header.magic, kMagic, sizeof kMagic) == 0, "header: magic: not a plan");
    require(header.version == kVersion, "header: version " + std::to_string(header.version) + " is not " +
                                            std::to_string(kVersion));
    require(header.values >= 1 && header.values <= kMaxRecords, "header: values out of range");
    require(header.arrays <= kMaxRecords, "header: arrays out of range");
    require(header.ops <= kMaxRecords, "header: ops out of range");
    require(header.blob_bytes <= kMaxBlob, "header: blob_bytes out of range");
    const uint64_t expected = sizeof(Header) + uint64_t(header.values) * sizeof(Value) +
                              uint64_t(header.arrays) * sizeof(Array) + uint64_t(header.ops) * sizeof(Op) +
                              header.blob_bytes;
    require(size == expected, "header: the file has " + std::to_string(size) + " bytes where its counts make " +
                                  std::to_string(expected));
    return header;
}

// Copies `count` records out of the file and moves on behind them.
template <typename Record>
void take(const uint8_t*& from, size_t count, std::vector<Record>& to) {
    to.resize(count);
    if (count) std::memcpy(to.data(), from, count * sizeof(Record));
    from += count * sizeof(Record);
}

std::unique_ptr<Plan> parse(const uint8_t* bytes, size_t size) {
    auto plan = std::make_unique<Plan>();
    plan->header = parse_header(bytes, size);
    const uint8_t* from = bytes + sizeof(Header);
    take(from, plan->header.values, plan->values);
    take(from, plan->header.arrays, plan->arrays);
    take(from, plan->header.ops, plan->ops);
    take(from, plan->header.blob_bytes, plan->blob);
    return plan;
}

}  // namespace

std::unique_ptr<Plan> load_plan(const void* bytes, size_t size, std::string& error) {
    try {
        auto plan = parse(static_cast<const uint8_t*>(bytes), size);
        check_plan(*plan);
        return plan;
    } catch (const BadPlan& why) {
        error = why.what();
        return nullptr;
    }
}

}  // namespace slsc
