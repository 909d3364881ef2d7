#include "ops/resize_axis.hpp"
#include "ops/specs.hpp"

namespace slsc {
namespace {

Channels channels(const Op& op) { return {op.resize.channels, op.resize.numerator ? 0 : 1, op.resize.channels}; }

const char* shape(const Op& op, const Shape& in0, const Shape* in1, Extent& out) {
    const int up = op.resize.numerator, down = op.resize.denominator;
    if (up == 0) {
        out = {in1->height, in1->width, in1->rows, in1->pixel};
        return nullptr;
    }
    if (in0.pixel) return "a single pixel is resized by a factor";
    if (out.rows * up % down) return "strips cannot be cut by the scale";
    out = {out.height * up / down, out.width * up / down, out.rows * up / down, false};
    return nullptr;
}

Columns reads(const Op& op, int input, const Shape& in, const Shape& out, int x) {
    if (input == 1) return {0, 0};  // it only lends its size
    const Axis axis = resize_axis(op.resize, in.width, out.width);
    const int64_t base = resize_base(op.resize, source_of(op.resize, axis, x));
    return {resize_index(op.resize, axis, base, 0), resize_index(op.resize, axis, base, resize_taps(op.resize) - 1) + 1};
}

}  // namespace

const OpSpec kResize{"Resize", channels, shape, reads, nullptr, nullptr, false};

}  // namespace slsc
