#include "program/in_floats.hpp"

#include <algorithm>

namespace slsc {
namespace {

void make_unary(Op& op, int32_t channels, int32_t scale) {
    op.type = OpType::Unary;
    op.unary = {channels, scale, -1};
}

// Convolutions read their weights through the scale of these, so that the rest of their parameters stays.
void make_floats(Op& op) {
    switch (op.type) {
        case OpType::IntConv: op.type = OpType::Conv; break;
        case OpType::Quantize: make_unary(op, op.quantize.channels, op.quantize.factors); break;
        case OpType::Dequantize: make_unary(op, op.dequantize.channels, -1); break;
        default: break;
    }
}

}  // namespace

std::shared_ptr<const Plan> in_floats(std::shared_ptr<const Plan> plan) {
    const auto whole = [](const Value& value) { return value.dtype != DType::F32; };
    if (std::none_of(plan->values.begin(), plan->values.end(), whole)) return plan;
    auto made = std::make_shared<Plan>(*plan);
    for (Value& value : made->values) value.dtype = DType::F32;
    for (Op& op : made->ops) make_floats(op);
    for (std::vector<Op>& ops : made->cheaper)
        for (Op& op : ops) make_floats(op);
    return made;
}

}  // namespace slsc
