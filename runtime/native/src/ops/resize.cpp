#include "ops/resize_axis.hpp"
#include "ops/specs.hpp"
#include "plan/bounds.hpp"

namespace slsc {
namespace {

void check(const OpCheck& check) {
    const ResizeParams& resize = check.op().resize;
    check.in("kind", int32_t(resize.kind), 0, int32_t(ResizeKind::Cubic));
    check.in("coordinates", int32_t(resize.coordinates), 0, int32_t(Coordinates::Asymmetric));
    check.in("rounding", int32_t(resize.rounding), 0, int32_t(Rounding::PreferCeil));
    check.finite("cubic", resize.cubic);
    if (resize.numerator == 0) {
        check.in("denominator", resize.denominator, 0, 0);
        check.second_input();
    } else {
        check.in("numerator", resize.numerator, 1, kMaxScale);
        check.in("denominator", resize.denominator, 1, kMaxScale);
        check.no_second_input();
    }
}

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
    if (input == 1) return {in.width, 0};  // none, ever: it only lends its size
    const Axis axis = resize_axis(op.resize, in.width, out.width);
    const int64_t base = resize_base(op.resize, source_of(op.resize, axis, x));
    return {resize_index(op.resize, axis, base, 0), resize_index(op.resize, axis, base, resize_taps(op.resize) - 1) + 1};
}

}  // namespace

const OpSpec kResize{"Resize", sizeof(ResizeParams), false, check, channels, shape, reads, nullptr, nullptr, false, nullptr};

}  // namespace slsc
