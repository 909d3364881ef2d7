#include "conv/geometry.hpp"
#include "ops/specs.hpp"

namespace slsc {
namespace {

Channels channels(const Op& op) {
    const int out = op.conv.made / (op.conv.shuffle * op.conv.shuffle);
    return {op.conv.channels, out, out};
}

const char* shape(const Op& op, const Shape& in0, const Shape* in1, Extent& out) {
    const ConvParams& p = op.conv;
    if (in0.pixel && !(is_point(p) && p.shuffle == 1)) return "a window over a single pixel";
    const Window down{p.kernel_h, p.stride_h, p.pad.top, p.pad.bottom, p.dilation_h, false};
    const Window across{p.kernel_w, p.stride_w, p.pad.left, p.pad.right, p.dilation_w, false};
    if (!strided(in0, down, across, out)) return "strips cannot be cut by the stride";
    out.height *= p.shuffle, out.width *= p.shuffle, out.rows *= p.shuffle;
    return p.combine == Combine::None || same_size(out, *in1) ? nullptr : "its two inputs differ in size";
}

Columns reads(const Op& op, int input, const Shape& in, const Shape&, int x) {
    const ConvParams& p = op.conv;
    if (input == 1) return within(in, x, x + 1);
    const int first = x / p.shuffle * p.stride_w - p.pad.left;
    return within(in, first, first + (p.kernel_w - 1) * p.dilation_w + 1);
}

int unit(const Op& op) { return op.conv.shuffle; }

// What it adds or multiplies to its sums.
int in_place(const Op& op) { return op.conv.combine != Combine::None && op.in[0] != op.in[1] ? 1 : -1; }

}  // namespace

const OpSpec kConv{"Conv", channels, shape, reads, unit, in_place, false};

}  // namespace slsc
