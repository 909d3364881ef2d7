#include "ops/specs.hpp"
#include "plan/bounds.hpp"

namespace slsc {
namespace {

void check(const OpCheck& check) {
    const DepthToSpaceParams& shuffle = check.op().depth_to_space;
    check.no_second_input();
    check.in("block", shuffle.block, 1, kMaxShuffle);
    check.good(shuffle.channels % (shuffle.block * shuffle.block) == 0, "block squared does not divide channels");
}

Channels channels(const Op& op) {
    const int c = op.depth_to_space.channels, r = op.depth_to_space.block;
    return {c, 0, c / (r * r)};
}

const char* shape(const Op& op, const Shape& in0, const Shape*, Extent& out) {
    if (in0.pixel) return "a single pixel is shuffled";
    const int r = op.depth_to_space.block;
    out.height *= r, out.width *= r, out.rows *= r;
    return nullptr;
}

Columns reads(const Op& op, int, const Shape& in, const Shape&, int x) {
    return within(in, x / op.depth_to_space.block, x / op.depth_to_space.block + 1);
}

int unit(const Op& op, const Shape&) { return op.depth_to_space.block; }

}  // namespace

const OpSpec kDepthToSpace{"DepthToSpace", sizeof(DepthToSpaceParams), false, check, channels, shape, reads, unit, nullptr, false,
                           nullptr};

}  // namespace slsc
