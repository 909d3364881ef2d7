#include <algorithm>

#include "ops/specs.hpp"
#include "plan/bounds.hpp"

namespace slsc {
namespace {

void check(const OpCheck& check) {
    const PadParams& pad = check.op().pad;
    check.no_second_input();
    check.in("kind", int32_t(pad.kind), 0, int32_t(PadKind::Edge));
    check.sides("", pad.sides, -kMaxPad, kMaxPad);
    check.in("parts", pad.parts, 0, kMaxScale);
    const int most = pad.parts ? kMaxScale : 0;
    check.sides("share_", pad.shares, -most, most);
    check.finite("value", pad.value);
}

Channels channels(const Op& op) { return {op.pad.channels, 0, op.pad.channels}; }

const char* shape(const Op& op, const Shape& in0, const Shape*, Extent& out) {
    const PadParams& p = op.pad;
    if (in0.pixel) return "a single pixel is padded";
    if (p.parts) {
        if (in0.height % p.parts || in0.width % p.parts) return "the size is no multiple of its parts";
        const int64_t left = p.parts + p.shares.top + p.shares.bottom;
        if (left < 1 || p.parts + p.shares.left + p.shares.right < 1) return "nothing is left of the image";
        if (out.rows * left % p.parts) return "strips cannot be cut into parts";
        out.rows = out.rows * left / p.parts;
    }
    const int top = pad_amount(p, &Sides::top, in0.height), bottom = pad_amount(p, &Sides::bottom, in0.height);
    const int before = pad_amount(p, &Sides::left, in0.width), after = pad_amount(p, &Sides::right, in0.width);
    out.height += top + bottom, out.width += before + after;
    const bool mirrored = p.kind == PadKind::Reflect;
    if (mirrored && (top >= in0.height || bottom >= in0.height || before >= in0.width || after >= in0.width))
        return "the image is too small to be mirrored";
    return nullptr;
}

// A mirrored margin is read from its inner end on: the first columns want all of the left one, and what the right one
// wants is wanted to the last.
Columns reads(const Op& op, int, const Shape& in, const Shape&, int x) {
    const int left = pad_amount(op.pad, &Sides::left, in.width), right = pad_amount(op.pad, &Sides::right, in.width);
    const int at = x - left;
    if (op.pad.kind == PadKind::Reflect) return within(in, std::min(at, in.width - 1 - std::max(right, 0)), std::max(at, left) + 1);
    return within(in, std::min(at, in.width - 1), std::max(at, 0) + 1);
}

}  // namespace

const OpSpec kPad{"Pad", sizeof(PadParams), false, check, channels, shape, reads, nullptr, nullptr, false, nullptr};

}  // namespace slsc
