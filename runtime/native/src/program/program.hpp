// A plan made ready to run with one instruction set, precision and capacity: which operations remain when what can be folded is,
// and how each convolution runs. Immutable; images of any size share it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "conv/folded_pair.hpp"
#include "conv/variant.hpp"
#include "kernels/kernels.hpp"
#include "plan/plan.hpp"

namespace slsc {

// Which of the plan's packed values are computed with; those in the place of others are of float32.
enum class Precision {
    Float32 = 0,
    Integers = 1,
    Halves = 2,
    AsPlanned = Integers | Halves
};

inline bool keeps(Precision precision, DType dtype) {
    if (dtype == DType::F32) return true;
    return int(precision) & int(dtype == DType::U8 ? Precision::Integers : Precision::Halves);
}

constexpr int kByRegion = -1;  // as a candidate: each region of the image has its own

// What a program is made for.
struct Target {
    const Kernels* kernels;
    Precision precision;
    int capacity;       // most weights kept of every m in each sparse layer; 0: all
    int candidate = 0;  // of the plan's, or kByRegion
    bool fastest = false;  // whether each convolution of halves may be one of float32 instead
};

// A convolution made ready.
struct Convolution {
    const ConvVariant* variant = nullptr;  // of a Conv
    std::shared_ptr<const void> weights;  // as the variant's kernel takes them
    uint64_t macs = 0;                    // a pixel before the shuffle: kept weights, those of siblings included
};

// That a node is the share of some channels in a 1x1 convolution of the plan; see split_joined.hpp.
struct JoinedPart {
    Op whole;
    int channel;  // the first of those that the whole reads
};

// A convolution as one candidate runs it: the node's operation with that one's weights.
struct Choice {
    Op op;
    Convolution conv;
};

// A packed value that a node makes of its result, beside that; see quantized_results.hpp.
struct Quantized {
    int value, channel;  // the first that it makes of it
    Quantization quantization;  // of U8
    int32_t factors;  // of U8: array, or -1
    int first_factor;  // of that array, the one of its first channel
};

// One operation as it runs.
struct Node {
    Op op;                           // with what is folded into it
    int source;                      // the plan's operation that it stands for: of a folded pair the second
    std::optional<FoldedPair> pair;  // that it does
    bool residual = false;           // its weights add its own input
    std::optional<JoinedPart> joined;
    int leader;                      // the node it runs with: itself, or a later one; see siblings.hpp
    Convolution conv;                // of what convolves
    std::optional<Quantization> bytes;  // of a pair: its input is of U8, and stands for numbers so
    std::vector<Quantized> quantized;   // of a result by pixel: kMostQuantized at most; see quantized_results.hpp
    std::vector<Choice> choices;     // by candidate, where regions differ and candidates do; the last is the node itself
    int first_factor = 0;            // of what quantizes, the one of its first channel
};

// Calls visit(value) with each value that a node makes.
template <typename Visit>
void each_made(const Node& node, Visit visit) {
    visit(node.op.out);
    for (const Quantized& quantized : node.quantized) visit(quantized.value);
}

// Calls visit(value) with each value that a node reads or makes.
template <typename Visit>
void each_touched(const Node& node, Visit visit) {
    for (int value : node.op.in)
        if (value >= 0) visit(value);
    each_made(node, visit);
}

struct Program {
    std::shared_ptr<const Plan> plan;
    Target target;
    std::vector<Value> values;  // the plan's, and more behind them
    std::vector<bool> by_pixel;  // by value: whether its layout is ByPixel; empty until that is chosen, see by_pixel.hpp
    std::vector<Node> nodes;

    Layout layout(int value) const {
        if (values[value].dtype == DType::U8) return Layout::Bytes;
        if (values[value].dtype == DType::BF16) return Layout::Halves;
        return size_t(value) < by_pixel.size() && by_pixel[value] ? Layout::ByPixel : Layout::Strips;
    }
    int lanes() const { return target.kernels->lanes; }
};

std::shared_ptr<const Program> make_program(std::shared_ptr<const Plan> plan, const Target& target);

}  // namespace slsc
