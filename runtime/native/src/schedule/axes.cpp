#include "schedule/axes.hpp"

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace slsc {
namespace {

constexpr int64_t kMostExact = int64_t(1) << 30;  // of an Axis' numbers, so that no product overflows

// With smaller numbers; rounded where they do not become small enough, which takes dozens of odd resizings.
Axis reduced(Axis axis) {
    const int64_t common = std::gcd(std::gcd(axis.a, axis.b), axis.c);
    axis.a /= common, axis.b /= common, axis.c /= common;
    while (std::max({axis.a, std::abs(axis.b), axis.c}) > kMostExact)
        axis.a = std::max<int64_t>(1, axis.a / 2), axis.b /= 2, axis.c = std::max<int64_t>(1, axis.c / 2);
    return axis;
}

Axis windowed(const Axis& axis, int kernel, int stride, int before, int dilation) {
    return axis.scaled(stride, (kernel - 1) * dilation / 2 - before, 1);
}

Axes scaled(const Axes& in, int64_t n, int64_t d) { return {in[0].scaled(n, 0, d), in[1].scaled(n, 0, d)}; }

// Of what an operation makes. `in1`: of its second input, if there is one.
Axes made_by(const Op& op, const Axes& in, const Axes* in1, const Shape& shape) {
    switch (op.type) {
        case OpType::Conv:
        case OpType::IntConv:
        case OpType::HalfConv: return scaled(convolved(in, op.conv), 1, op.conv.shuffle);
        case OpType::Pool: {
            const PoolParams& p = op.pool;
            return {windowed(in[0], p.kernel_h, p.stride_h, p.pad.top, 1), windowed(in[1], p.kernel_w, p.stride_w, p.pad.left, 1)};
        }
        case OpType::Pad:
            return {in[0].scaled(1, -pad_amount(op.pad, &Sides::top, shape.height), 1),
                    in[1].scaled(1, -pad_amount(op.pad, &Sides::left, shape.width), 1)};
        case OpType::Resize: return op.resize.numerator ? scaled(in, op.resize.denominator, op.resize.numerator) : *in1;
        case OpType::DepthToSpace: return scaled(in, 1, op.depth_to_space.block);
        case OpType::SpaceToDepth: return scaled(in, op.space_to_depth.block, 1);
        default: return in;
    }
}

}  // namespace

Axis Axis::scaled(int64_t n, int64_t shift, int64_t d) const { return reduced({a * n, a * shift + b * d, c * d}); }

Axes convolved(const Axes& in, const ConvParams& p) {
    return {windowed(in[0], p.kernel_h, p.stride_h, p.pad.top, p.dilation_h),
            windowed(in[1], p.kernel_w, p.stride_w, p.pad.left, p.dilation_w)};
}

std::vector<Axes> find_axes(const Program& program, const std::vector<Shape>& shapes) {
    std::vector<Axes> axes(shapes.size());
    for (const Node& node : program.nodes) {
        const Op& op = node.op;
        axes[op.out] = made_by(op, axes[op.in[0]], op.in[1] >= 0 ? &axes[op.in[1]] : nullptr, shapes[op.in[0]]);
    }
    return axes;
}

}  // namespace slsc
