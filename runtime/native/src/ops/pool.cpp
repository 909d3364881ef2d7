#include "ops/specs.hpp"
#include "plan/bounds.hpp"

namespace slsc {
namespace {

void check(const OpCheck& check) {
    const PoolParams& pool = check.op().pool;
    check.no_second_input();
    check.in("kind", int32_t(pool.kind), 0, int32_t(PoolKind::AverageWithPadding));
    check.in("kernel_h", pool.kernel_h, 1, kMaxKernel);
    check.in("kernel_w", pool.kernel_w, 1, kMaxKernel);
    check.in("stride_h", pool.stride_h, 1, kMaxStride);
    check.in("stride_w", pool.stride_w, 1, kMaxStride);
    check.in("pad_top", pool.pad.top, 0, pool.kernel_h - 1);
    check.in("pad_left", pool.pad.left, 0, pool.kernel_w - 1);
    check.in("pad_bottom", pool.pad.bottom, 0, pool.kernel_h - 1);
    check.in("pad_right", pool.pad.right, 0, pool.kernel_w - 1);
    check.in("ceil_mode", pool.ceil_mode, 0, 1);
}

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

const OpSpec kPool{"Pool", sizeof(PoolParams), false, check, channels, shape, reads, nullptr, nullptr, false, nullptr};

}  // namespace slsc
