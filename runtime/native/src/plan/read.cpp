#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include "ops/spec.hpp"
#include "plan/bounds.hpp"
#include "plan/check.hpp"
#include "plan/plan.hpp"
#include "plan/turn.hpp"
#include "support/error.hpp"

namespace slsc {
namespace {

// Features that plans may ask for.
constexpr std::array<std::string_view, 5> kKnownFeatures{kBf16, kGates, kHalfOperands, kInt8, kWeightSets};

void good(bool good, const std::string& why) { require(good, SLSC_BAD_PLAN, why); }

// The file from its start on; `take` moves on.
class Reader {
public:
    Reader(const void* bytes, size_t size) : at_(static_cast<const uint8_t*>(bytes)), left_(size) {}

    size_t left() const { return left_; }

    void peek(void* to, size_t bytes, const std::string& what) const {
        good(bytes <= left_, what + ": the file is cut short");
        if (bytes) std::memcpy(to, at_, bytes);
    }

    void take(void* to, size_t bytes, const std::string& what) {
        peek(to, bytes, what);
        at_ += bytes, left_ -= bytes;
    }

    template <typename Record>
    std::vector<Record> take_all(size_t count, const std::string& what) {
        good(count <= left_ / sizeof(Record), what + ": the file is cut short");
        std::vector<Record> records(count);
        take(records.data(), count * sizeof(Record), what);
        return records;
    }

private:
    const uint8_t* at_;
    size_t left_;
};

void check_version(uint32_t version) {
    const std::string found = "header: version " + std::to_string(version) + " is not " + std::to_string(kVersion) + ": ";
    good(version >= kVersion, found + "made by an older slsc, compile it again");
    good(version <= kVersion, found + "made by a newer slsc");
}

Header read_header(Reader& from) {
    struct {
        char magic[8];
        uint32_t version;
    } start;  // of every version
    from.peek(&start, sizeof start, "header");
    good(std::memcmp(start.magic, kMagic, sizeof kMagic) == 0, "header: magic: not a plan");
    check_version(start.version);
    Header header;
    from.take(&header, sizeof header, "header");
    good(header.features <= kMaxFeatures, "header: features is more than " + std::to_string(kMaxFeatures));
    const std::string records = " is more than " + std::to_string(kMaxRecords);
    good(header.values >= 1, "header: values is 0");
    good(header.values <= kMaxRecords, "header: values" + records);
    good(header.arrays <= kMaxRecords, "header: arrays" + records);
    good(header.ops <= kMaxRecords, "header: ops" + records);
    good(header.op_bytes <= kMaxRecords * sizeof(Op), "header: op_bytes is more than its ops can take");
    good(header.blob_bytes <= kMaxBlob, "header: blob_bytes is more than " + std::to_string(kMaxBlob));
    const uint64_t expected = header.features * sizeof(Feature) + header.values * sizeof(Value) + header.arrays * sizeof(Array) +
                              header.op_bytes + header.blob_bytes;
    good(from.left() == expected,
         "header: the file has " + std::to_string(from.left()) + " more bytes where its counts make " + std::to_string(expected));
    return header;
}

// What is there of a name, fit to be shown.
std::string shown(const Feature& feature) {
    std::string name(feature.name, std::find(feature.name, std::end(feature.name), '\0'));
    for (char& c : name)
        if (c < ' ' || c > '~') c = '?';
    return name;
}

void check_features(const std::vector<Feature>& features) {
    for (const Feature& feature : features) {
        const std::string name = shown(feature);
        const bool known = std::find(kKnownFeatures.begin(), kKnownFeatures.end(), name) != kKnownFeatures.end();
        good(known, "feature \"" + name + "\" is not known: made by a newer slsc");
    }
}

// An operation, and the weight sets behind its parameters: none but of a Conv, where `sets_follow`.
Op read_op(Reader& from, size_t index, bool sets_follow, std::vector<WeightSet>& sets) {
    const std::string at = "operation " + std::to_string(index);
    uint32_t start[2];
    from.peek(start, sizeof start, at);
    const OpSpec* spec = find_spec(start[0]);
    good(spec, at + ": type " + std::to_string(start[0]) + " is not known");
    const size_t bytes = kOpHeadBytes + spec->param_bytes;
    const size_t behind = start[1] >= bytes ? start[1] - bytes : 1;
    const bool fits = sets_follow && OpType(start[0]) == OpType::Conv ? behind % sizeof(WeightSet) == 0 : behind == 0;
    good(fits, at + " (" + spec->name + "): bytes is " + std::to_string(start[1]) + ", not " + std::to_string(bytes));
    good(behind / sizeof(WeightSet) < kMaxCandidates,
         at + " (" + spec->name + "): it has weights for more than " + std::to_string(kMaxCandidates) + " candidates");
    Op op{};
    from.take(&op, bytes, at);
    sets = from.take_all<WeightSet>(behind / sizeof(WeightSet), at);
    return op;
}

void apply(const WeightSet& set, Op& op) {
    op.conv.n = set.n, op.kept = set.kept;
    op.conv.weights = set.weights, op.conv.positions = set.positions, op.conv.bias = set.bias;
    op.slopes = set.slopes;
}

// The operations of all candidates. A Conv without sets of its own has the same weights for all.
void read_ops(Reader& from, bool sets_follow, Plan& plan) {
    std::vector<std::vector<WeightSet>> sets;
    const size_t behind = from.left() - plan.header.op_bytes;
    size_t cheaper = 0;
    for (size_t i = 0; i < plan.header.ops; ++i) {
        plan.ops.push_back(read_op(from, i, sets_follow, sets.emplace_back()));
        const size_t found = sets.back().size();
        if (!found) continue;
        good(!cheaper || found == cheaper, "operation " + std::to_string(i) + " (Conv): it has weights for " +
                                               std::to_string(found + 1) + " candidates, others for " +
                                               std::to_string(cheaper + 1));
        cheaper = found;
    }
    good(from.left() == behind, "header: op_bytes is not what its ops take");
    plan.cheaper.assign(cheaper, plan.ops);
    for (size_t candidate = 0; candidate < cheaper; ++candidate)
        for (size_t i = 0; i < sets.size(); ++i)
            if (!sets[i].empty()) apply(sets[i][candidate], plan.cheaper[candidate][i]);
}

}  // namespace

bool Plan::names(std::string_view feature) const {
    return std::any_of(features.begin(), features.end(), [&](const Feature& each) { return shown(each) == feature; });
}

std::shared_ptr<const Plan> load_plan(const void* bytes, size_t size) {
    Reader from(bytes, size);
    auto plan = std::make_shared<Plan>();
    plan->header = read_header(from);
    plan->features = from.take_all<Feature>(plan->header.features, "features");
    check_features(plan->features);
    plan->values = from.take_all<Value>(plan->header.values, "values");
    plan->arrays = from.take_all<Array>(plan->header.arrays, "arrays");
    read_ops(from, plan->names(kWeightSets), *plan);
    plan->blob = from.take_all<uint8_t>(plan->header.blob_bytes, "blob");
    check_plan(*plan);
    turn(*plan);
    return plan;
}

}  // namespace slsc
