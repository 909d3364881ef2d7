#include "plan/turn.hpp"

#include <utility>

namespace slsc {
namespace {

Sides turned(const Sides& sides) { return {sides.left, sides.top, sides.right, sides.bottom}; }

template <typename Windowed>
void turn_window(Windowed& p) {
    std::swap(p.kernel_h, p.kernel_w);
    std::swap(p.stride_h, p.stride_w);
    p.pad = turned(p.pad);
}

void turn(Op& op) {
    switch (op.type) {
        case OpType::Conv:
        case OpType::IntConv:
        case OpType::HalfConv:
            turn_window(op.conv);
            std::swap(op.conv.dilation_h, op.conv.dilation_w);
            break;
        case OpType::Pool: turn_window(op.pool); break;
        case OpType::Pad:
            op.pad.sides = turned(op.pad.sides);
            op.pad.shares = turned(op.pad.shares);
            break;
        default: break;  // the same along both axes
    }
}

}  // namespace

Op turned(Op op) {
    turn(op);
    return op;
}

void turn(Plan& plan) {
    for (Op& op : plan.ops) turn(op);
    for (std::vector<Op>& ops : plan.cheaper)
        for (Op& op : ops) turn(op);
}

}  // namespace slsc
