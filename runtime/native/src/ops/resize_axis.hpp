// Where along one axis a resized image's pixels come from. Static, so that each instruction set has its own.
#pragma once

#include <cstdint>

#include "plan/ops.hpp"

namespace slsc {

// Output pixel i comes from input pixel i * down / up, give or take the coordinates' half pixels.
struct Axis {
    int in, out;
    int64_t up, down;
};

// A coordinate as a fraction: which pixel is nearest must not hang on a rounding error.
struct Source {
    int64_t over, under;  // under > 0
};

static inline int resize_taps(const ResizeParams& p) {
    return p.kind == ResizeKind::Nearest ? 1 : p.kind == ResizeKind::Linear ? 2 : 4;
}

static inline Axis resize_axis(const ResizeParams& p, int in, int out) {
    return {in, out, p.numerator ? p.numerator : out, p.numerator ? p.denominator : in};
}

static inline Source source_of(const ResizeParams& p, const Axis& axis, int64_t i) {
    switch (p.coordinates) {
        case Coordinates::PytorchHalfPixel:
            if (axis.out == 1) return {0, 1};
            break;
        case Coordinates::HalfPixel: break;
        case Coordinates::AlignCorners: return {axis.out > 1 ? i * (axis.in - 1) : 0, axis.out > 1 ? axis.out - 1 : 1};
        case Coordinates::Asymmetric: return {i * axis.down, axis.up};
    }
    return {(2 * i + 1) * axis.down - axis.up, 2 * axis.up};
}

static inline int64_t floor_of(Source x) { return x.over / x.under - (x.over % x.under < 0); }
static inline int64_t ceil_of(Source x) { return x.over / x.under + (x.over % x.under > 0); }

static inline int64_t round_source(const ResizeParams& p, Source x) {
    switch (p.rounding) {
        case Rounding::PreferFloor: return ceil_of({2 * x.over - x.under, 2 * x.under});
        case Rounding::Floor: return floor_of(x);
        case Rounding::Ceil: return ceil_of(x);
        case Rounding::PreferCeil: break;
    }
    return floor_of({2 * x.over + x.under, 2 * x.under});
}

// The pixel that the first tap reads, if there is one, and the fraction behind it.
static inline int64_t resize_base(const ResizeParams& p, Source x) {
    return resize_taps(p) == 1 ? round_source(p, x) : floor_of(x);
}

// The pixel read by tap k, `base` being that of resize_base: the nearest there is.
static inline int resize_index(const ResizeParams& p, const Axis& axis, int64_t base, int k) {
    const int64_t at = base + (p.kind == ResizeKind::Cubic ? k - 1 : k);
    return at < 0 ? 0 : at > axis.in - 1 ? axis.in - 1 : int(at);
}

}  // namespace slsc
