#include "ops/specs.hpp"
#include "plan/bounds.hpp"

namespace slsc {
namespace {

void check(const OpCheck& check) {
    check.no_second_input();
    check.in("block", check.op().space_to_depth.block, 1, kMaxShuffle);
}

Channels channels(const Op& op) {
    const int c = op.space_to_depth.channels, r = op.space_to_depth.block;
    return {c, 0, c * r * r};
}

const char* shape(const Op& op, const Shape& in0, const Shape*, Extent& out) {
    const int r = op.space_to_depth.block;
    if (in0.pixel) return "a single pixel is shuffled";
    if (out.height % r || out.width % r) return "the size is no multiple of the block";
    if (out.rows % r) return "strips cannot be cut by the block";
    out.height /= r, out.width /= r, out.rows /= r;
    return nullptr;
}

Columns reads(const Op& op, int, const Shape& in, const Shape&, int x) {
    const int r = op.space_to_depth.block;
    return within(in, x * r, x * r + r);
}

}  // namespace

const OpSpec kSpaceToDepth{
    "SpaceToDepth", sizeof(SpaceToDepthParams), false, check, channels, shape, reads, nullptr, nullptr, false, nullptr};

}  // namespace slsc
