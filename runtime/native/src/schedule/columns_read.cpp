#include "schedule/columns_read.hpp"

#include <algorithm>

#include "plan/resize_axis.hpp"

namespace slsc {
namespace {

Columns within(const Shape& in, int first, int end) {
    return {std::clamp(first, 0, in.width), std::clamp(end, 0, in.width)};
}

Columns resized(const Op& op, const Shape& in, const Shape& out, int x) {
    const Axis axis = resize_axis(op, in.width, out.width);
    const int64_t base = resize_base(op, source_of(op, axis, x));
    return {resize_index(op, axis, base, 0), resize_index(op, axis, base, resize_taps(op) - 1) + 1};
}

// A mirrored margin is read from its inner end on: the first columns want all of the left one, and what the right one
// wants is wanted to the last.
Columns padded(const Op& op, const Shape& in, int x) {
    const int left = pad_amount(op, 1, in.width), right = pad_amount(op, 3, in.width);
    const bool mirrored = op.p[1] == 1;
    const int at = x - left;
    if (mirrored) return within(in, std::min(at, in.width - 1 - std::max(right, 0)), std::max(at, left) + 1);
    return within(in, std::min(at, in.width - 1), std::max(at, 0) + 1);
}

}  // namespace

Columns columns_read(const Op& op, int input, const Shape& in, const Shape& out, int x) {
    const int32_t* p = op.p;
    switch (op.type) {
        case OpType::Conv: {
            if (input == 1) break;
            const int first = x / p[15] * p[5] - p[7];
            return within(in, first, first + (p[3] - 1) * p[11] + 1);
        }
        case OpType::Pool: return within(in, x * p[5] - p[7], x * p[5] - p[7] + p[3]);
        case OpType::Binary:
            if (input == 1 && Spread(p[2]) == Spread::Pixel) return {0, 1};
            break;
        case OpType::GlobalMean: return {0, in.width};
        case OpType::Resize: return input == 1 ? Columns{0, 0} : resized(op, in, out, x);  // in1 only lends its size
        case OpType::Pad: return padded(op, in, x);
        case OpType::DepthToSpace: return within(in, x / p[1], x / p[1] + 1);
        case OpType::SpaceToDepth: return within(in, x * p[1], x * p[1] + p[1]);
        case OpType::Unary: case OpType::ChannelMean: break;
    }
    return within(in, x, x + 1);
}

int columns_at_once(const Op& op) {
    return op.type == OpType::Conv ? op.p[15] : op.type == OpType::DepthToSpace ? op.p[1] : 1;
}

}  // namespace slsc
