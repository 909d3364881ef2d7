#include "program/fold_pairs.hpp"

#include "conv/folded_pair.hpp"
#include "ops/spec.hpp"

namespace slsc {
namespace {

// By value: how often operations write and read it, the image and the restored image once more.
std::vector<int> count_uses(const Plan& plan) {
    std::vector<int> uses(plan.values.size(), 0);
    for (uint32_t value : {plan.header.input, plan.header.output}) ++uses[value];
    for (const Op& op : plan.ops)
        for (int value : {op.in[0], op.in[1], op.out})
            if (value >= 0) ++uses[value];
    return uses;
}

}  // namespace

std::vector<int> folded_firsts(const Plan& plan, int candidate, double tap_cost) {
    const std::vector<Op>& ops = plan.ops_of(candidate);
    std::vector<int> firsts(ops.size(), -1), writer(plan.values.size(), -1);
    const std::vector<int> uses = count_uses(plan);
    for (int i = 0; i < int(ops.size()); ++i) {
        const Op& op = ops[i];
        if (op.type == OpType::None) continue;  // see in_floats.hpp
        const int value = op.in[0], first = writer[value];
        writer[op.out] = i;
        if (op.type != OpType::Conv || first < 0 || ops[first].type != OpType::Conv || firsts[first] >= 0) continue;
        const int channels = int(plan.values[value].channels);
        const bool whole = channels_of(op).in0 == channels && channels_of(ops[first]).out == channels;
        if (whole && uses[value] == 2 && worth_folding(plan, {ops[first], op}, tap_cost)) firsts[i] = first;
    }
    return firsts;
}

}  // namespace slsc
