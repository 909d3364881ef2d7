// The ways to run a convolution. Each is a row of its instruction set's table (kernels/conv_variants.inl): a file here that says
// which convolutions it suits and prepares their weights, and one in kernels/ that runs them.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "conv/tuning.hpp"
#include "conv/weights.hpp"
#include "kernels/kernels.hpp"
#include "plan/plan.hpp"

namespace slsc {

struct FoldedPair;

// A convolution to be prepared.
struct ConvSource {
    const Plan& plan;
    const Op& op;
    const FoldedPair* pair;              // two of the plan's convolutions that it is; null: it is one of them
    int capacity;                        // most weights kept of every m; 0: all
    const std::vector<Weight>& weights;  // those it keeps, and those of a folded residual; none of a pair
    uint64_t kept;                       // how many it keeps

    // Size of the groups that keep equally many weights, 1 where there are none.
    int group() const { return op.conv.positions >= 0 ? int(plan.header.m) : 1; }
};

enum class ConvKind {
    FoldedPair,
    FewOutputs,
    Dense,
    Point,
    Taps
};

struct ConvVariant {
    ConvKind kind;
    bool (*suits)(const ConvSource&, const ConvTuning&);
    // Makes what its kernel finds as Job::weights.
    std::shared_ptr<const void> (*prepare)(const ConvSource&, const ConvTuning&);
    OpKernel kernel;
};

// Lists of weights, as a kernel's view of them.
template <typename Lists>
std::shared_ptr<const void> held_view(Lists lists) {
    struct Held {
        Lists lists;
        decltype(lists.view()) view;
    };
    auto held = std::make_shared<Held>(Held{std::move(lists), {}});
    held->view = held->lists.view();
    return std::shared_ptr<const void>(held, &held->view);
}

}  // namespace slsc
