#include "ops/specs.hpp"

namespace slsc {
namespace {

Channels channels(const Op& op) { return {op.pool.channels, 0, op.pool.channels}; }

const char* shape(const Op& op, const Shape& in0, const Shape*, Extent& out) {
    const PoolParams& p = op.pool;
    if (in0.pixel) return "a window over a single pixel";
    const Window down{p.kernel_h, p.stride_h, p.pad.top, p.pad.bottom, 1, p.ceil_mode != 0};
    const Window across{p.kernel_w, p.stride_w, p.pad.left, p.pad.right, 1, p.ceil_mode != 0};
    return strided(in0, down, across, out) ? nullptr : "strips cannot be cut by the stride";
}

Columns reads(const Op& op, int, const Shape& in, const Shape&, int x) {
    const int first = x * op.pool.stride_w - op.pool.pad.left;
    return within(in, first, first + op.pool.kernel_w);
}

}  // namespace

const OpSpec kPool{"Pool", channels, shape, reads, nullptr, nullptr, false};

}  // namespace slsc
