#include "conv/convolution.hpp"

#include "conv/folded_residual.hpp"

namespace slsc {
namespace {

// The dense kernel multiplies zeros, too. It has nothing to share for one output.
bool dense_is_faster(const Op& op, uint64_t kept, double tap_cost) {
    const uint64_t all = uint64_t(op.p[1]) * (op.p[0] / op.p[12]) * op.p[2] * op.p[3];
    return op.p[1] / op.p[12] > 1 && tap_cost * double(kept) > double(all);
}

}  // namespace

Convolution ready_convolution(const Plan& plan, const Op& op, bool identity, int capacity, const Kernels& kernels) {
    std::vector<Weight> weights = kept_weights(plan, op, capacity);
    Convolution ready;
    ready.macs = weights.size();
    if (identity) add_identity(op, weights);
    const bool dense = dense_is_faster(op, ready.macs, kernels.tap_cost);
    if (dense && suits_few(op, kernels.few_tuning)) ready.few = list_few(op, weights);
    else if (dense) ready.dense = list_dense(op, weights, kernels.dense_tuning);
    else ready.taps = list_taps(op, weights, op.array[1] >= 0 ? int(plan.header.m) : 1, kernels.tuning);
    return ready;
}

Convolution ready_beside(const Plan& plan, const Op& point, const Op& window, int capacity, const Kernels& kernels) {
    std::vector<Weight> weights = kept_weights(plan, point, capacity);
    for (Weight& weight : weights) weight.row = window.p[6], weight.column = window.p[7];  // where it reads its own pixel
    Op widened = window;
    widened.p[1] = point.p[1];
    Convolution ready;
    ready.macs = weights.size();
    ready.taps = list_taps(widened, weights, point.array[1] >= 0 ? int(plan.header.m) : 1, kernels.tuning);
    return ready;
}

Convolution ready_pair(const Plan& plan, const Pair& pair, int capacity) {
    Convolution ready;
    ready.merged = merge(plan, pair, capacity);
    ready.macs = ready.merged.macs;
    return ready;
}

}  // namespace slsc
