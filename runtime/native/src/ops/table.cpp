#include <algorithm>
#include <cstddef>

#include "ops/specs.hpp"

namespace slsc {
namespace {

#define SLSC_OP(Name, name) &k##Name,
constexpr const OpSpec* kSpecs[] = {SLSC_OPS(SLSC_OP)};
#undef SLSC_OP

// Positions of a window along `size` pixels; 0 when it does not fit.
int64_t positions(int size, const Window& w) {
    const int64_t room = int64_t(size) + w.before + w.after - int64_t(w.dilation) * (w.kernel - 1) - 1;
    if (room < 0) return 0;
    int64_t count = (room + (w.ceil ? w.stride - 1 : 0)) / w.stride + 1;
    // A window that would start in the padding after the image does not count.
    if (w.ceil && (count - 1) * w.stride >= int64_t(size) + w.before) --count;
    return count;
}

}  // namespace

const OpSpec& spec_of(OpType type) { return *kSpecs[size_t(type) - 1]; }

const OpSpec* find_spec(uint32_t type) { return type >= 1 && type <= kOpTypes ? kSpecs[type - 1] : nullptr; }

Columns columns_read(const Op& op, int input, const Shape& in, const Shape& out, int x) {
    const OpSpec& spec = spec_of(op.type);
    return spec.reads ? spec.reads(op, input, in, out, x) : within(in, x, x + 1);
}

Columns within(const Shape& in, int first, int end) { return {std::clamp(first, 0, in.width), std::clamp(end, 0, in.width)}; }

bool same_size(const Extent& a, const Shape& b) {
    return a.height == b.height && a.width == b.width && a.rows == b.rows && a.pixel == b.pixel;
}

bool strided(const Shape& in, const Window& down, const Window& across, Extent& out) {
    out.height = positions(in.height, down);
    out.width = positions(in.width, across);
    out.rows = in.rows / down.stride;
    return in.rows % down.stride == 0;
}

}  // namespace slsc
