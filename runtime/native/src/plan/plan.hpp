// The engine's plan file (.nmp), version 2: a flat list of operations over image values, with packed weights. Its specification
// is docs/reference/plan-file.md.
//
// Little-endian, no alignment gaps:
//   Header | Feature[features] | Value[values] | Array[arrays] | ops, each as long as it says | blob
// Every offset of an Array counts from the start of the blob and is a multiple of 64. Nothing in the file is trusted:
// `load_plan` checks every index, count and size before anything is built from it, and turns the axes (plan/turn.hpp).
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "plan/ops.hpp"

namespace slsc {

constexpr char kMagic[8] = {'S', 'L', 'S', 'C', 'N', 'M', 'P', '\0'};
constexpr uint32_t kVersion = 2;

struct Header {
    char magic[8];
    uint32_t version;
    uint32_t features;
    uint32_t values;
    uint32_t arrays;
    uint32_t ops;
    uint32_t input;      // value the image enters by
    uint32_t output;     // value the restored image leaves by
    uint32_t row_align;  // strips are a multiple of this many rows or columns: the product of strides on any path
    uint32_t m;          // group size of every sparse weight, 0 when there is none
    uint32_t reserved;   // 0
    uint64_t op_bytes;   // of all op records
    uint64_t blob_bytes;
};
static_assert(sizeof(Header) == 64);

// Something that a reader must know to run the plan, by name, padded with zeros: a reader that does not know one refuses the
// plan and says its name.
struct Feature {
    char name[32];
};

constexpr char kWeightSets[] = "weight-sets";  // several candidates: Conv records have a WeightSet for each but the last
constexpr char kGates[] = "gates";  // Combine::AddTimesGate
constexpr char kHalfOperands[] = "half-operands";  // HalfConv's second input is of BF16
constexpr char kInt8[] = "int8";  // U8 values, and the operations that make and read them
constexpr char kBf16[] = "bf16";  // BF16 values, likewise

enum class DType : uint32_t {
    F32 = 0,
    BF16 = 1,
    I8 = 2,
    U8 = 3
};

struct Value {
    uint32_t channels;
    DType dtype;  // F32, or U8 and BF16 in plans that name the features "int8" and "bf16"
};

struct Array {
    uint64_t offset;
    uint64_t bytes;
    DType dtype;
    int32_t scale;  // array of f32, by which what is stored has to be multiplied (one number, or one an output channel); -1: none
};
static_assert(sizeof(Array) == 24);

// Read once, never changed, shared by all that run it.
struct Plan {
    Header header;
    std::vector<Feature> features;
    std::vector<Value> values;
    std::vector<Op> ops;
    std::vector<std::vector<Op>>
        cheaper;  // the operations of every candidate but the last, whose `ops` are; others differ in weights
    std::vector<Array> arrays;
    std::vector<uint8_t> blob;

    bool names(std::string_view feature) const;

    int candidates() const { return int(cheaper.size()) + 1; }
    const std::vector<Op>& ops_of(int candidate) const { return candidate < int(cheaper.size()) ? cheaper[candidate] : ops; }

    const uint8_t* data(int32_t array) const { return blob.data() + arrays[array].offset; }
    const float* floats(int32_t array) const { return reinterpret_cast<const float*>(data(array)); }
    const float* floats_or_null(int32_t array) const { return array >= 0 ? floats(array) : nullptr; }
};

// Parses, checks and turns a plan. Throws Error(BadPlan) with the reason when anything is off.
std::shared_ptr<const Plan> load_plan(const void* bytes, size_t size);

}  // namespace slsc
