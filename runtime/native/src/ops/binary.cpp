#include "ops/specs.hpp"

namespace slsc {
namespace {

void check(const OpCheck& check) {
    const BinaryParams& binary = check.op().binary;
    check.in("kind", int32_t(binary.kind), 0, int32_t(BinaryKind::RevDiv));
    check.in("spread", int32_t(binary.spread), 0, int32_t(Spread::Channel));
    check.second_input();
}

Channels channels(const Op& op) {
    const int c = op.binary.channels;
    return {c, op.binary.spread == Spread::Channel ? 1 : c, c};
}

const char* shape(const Op& op, const Shape&, const Shape* in1, Extent& out) {
    const bool fits = op.binary.spread == Spread::Pixel ? in1->pixel : same_size(out, *in1);
    return fits ? nullptr : "its two inputs differ in size";
}

Columns reads(const Op& op, int input, const Shape& in, const Shape&, int x) {
    if (input == 1 && op.binary.spread == Spread::Pixel) return {0, 1};
    return within(in, x, x + 1);
}

// A channel that spreads over all others is read after it was overwritten.
int in_place(const Op& op) { return op.in[0] == op.in[1] && op.binary.spread == Spread::Channel ? -1 : 0; }

}  // namespace

const OpSpec kBinary{"Binary", sizeof(BinaryParams), true, check, channels, shape, reads, nullptr, in_place, false, nullptr};

}  // namespace slsc
