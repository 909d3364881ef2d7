// The window of a convolution, and the input of a region of its output as kernels pack it. Static, so that each instruction set
// has its own.
#pragma once

#include <cstdint>

#include "plan/ops.hpp"

namespace slsc {

struct ConvGeometry {
    int kh, kw, sh, sw, top, left, dh, dw, shuffle;
    int packed_columns;    // of the input of a whole region
    int64_t packed_plane;  // floats of one channel of it
};

// For regions of `rows` x `columns` of the output.
static inline ConvGeometry conv_geometry(const ConvParams& p, int lanes, int rows, int columns) {
    ConvGeometry g{p.kernel_h,   p.kernel_w,   p.stride_h, p.stride_w, p.pad.top, p.pad.left,
                   p.dilation_h, p.dilation_w, p.shuffle,  0,          0};
    g.packed_columns = (columns - 1) * g.sw + (g.kw - 1) * g.dw + 1;
    g.packed_plane = (int64_t(rows - 1) * g.sh + int64_t(g.kh - 1) * g.dh + 1) * g.packed_columns * lanes;
    return g;
}

// Whether it has stride 1, dilation 1 and one group.
static inline bool is_plain(const ConvParams& p) {
    return p.stride_h == 1 && p.stride_w == 1 && p.dilation_h == 1 && p.dilation_w == 1 && p.groups == 1;
}

// Whether such a convolution makes as many rows and columns as it reads.
static inline bool keeps_size(const ConvParams& p) {
    return p.pad.top + p.pad.bottom == p.kernel_h - 1 && p.pad.left + p.pad.right == p.kernel_w - 1;
}

// Whether an output pixel reads that pixel alone: 1x1, stride 1, no padding.
static inline bool is_point(const ConvParams& p) {
    return p.kernel_h == 1 && p.kernel_w == 1 && p.stride_h == 1 && p.stride_w == 1 && !p.pad.top && !p.pad.left && !p.pad.bottom &&
           !p.pad.right;
}

}  // namespace slsc
