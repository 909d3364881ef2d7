#include "program/in_floats.hpp"

#include <algorithm>
#include <vector>

#include "ops/spec.hpp"

namespace slsc {
namespace {

// Channels of a value that hold what another would.
struct Held {
    int32_t value = -1, channel = 0;  // -1: nothing does
};

// One candidate's operations.
class InFloats {
public:
    InFloats(const Plan& plan, Precision precision) : plan_(plan), precision_(precision), held_(plan.values.size()) {}

    void change(Op& op) {
        for (int i = 0; i < 2; ++i)
            if (op.in[i] >= 0 && held_[op.in[i]].value >= 0) {
                op.in_channel[i] += held_[op.in[i]].channel;
                op.in[i] = held_[op.in[i]].value;
            }
        switch (op.type) {
            case OpType::IntConv:  // reads its weights through their scale, so that the rest of the parameters stays
                if (!keeps(precision_, DType::U8)) op.type = OpType::Conv;
                break;
            case OpType::HalfConv:
                if (!keeps(precision_, DType::BF16)) op.type = OpType::Conv;
                break;
            case OpType::Quantize:
                if (!keeps(precision_, DType::U8)) scale(op, op.quantize.factors);
                break;
            case OpType::Dequantize:
                if (!keeps(precision_, DType::U8)) scale(op, -1);
                break;
            case OpType::Narrow:
                if (!keeps(precision_, DType::BF16)) scale(op, -1);
                break;
            default: break;
        }
    }

private:
    // What converted multiplies, or does nothing: then its readers read what it read.
    void scale(Op& op, int32_t factors) {
        const int channels = channels_of(op).out;
        const bool whole = op.out_channel == 0 && int(plan_.values[op.out].channels) == channels;
        if (factors < 0 && whole && uint32_t(op.out) != plan_.header.output) {
            held_[op.out] = {op.in[0], op.in_channel[0]};
            op = Op{};
            op.in[0] = op.in[1] = op.out = -1;
            return;
        }
        op.type = OpType::Unary;
        op.unary = {channels, factors, -1};
    }

    const Plan& plan_;
    const Precision precision_;
    std::vector<Held> held_;  // by value
};

void change(const Plan& plan, Precision precision, std::vector<Op>& ops) {
    InFloats floats(plan, precision);
    for (Op& op : ops) floats.change(op);
}

}  // namespace

std::shared_ptr<const Plan> in_floats(std::shared_ptr<const Plan> plan, Precision precision) {
    const auto kept = [&](const Value& value) { return keeps(precision, value.dtype); };
    if (std::all_of(plan->values.begin(), plan->values.end(), kept)) return plan;
    auto made = std::make_shared<Plan>(*plan);
    for (Value& value : made->values)
        if (!kept(value)) value.dtype = DType::F32;
    change(*plan, precision, made->ops);
    for (std::vector<Op>& ops : made->cheaper) change(*plan, precision, ops);
    return made;
}

}  // namespace slsc
