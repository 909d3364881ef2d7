// Places of values in one block of memory, shared by values that are never needed at once, and by the operand and the
// result of pointwise work.
//
// A value that is made and read band by band has a place for one band, and for the columns that the next bands still
// need, in front of it; between bands those are kept elsewhere, while others use the place. Where too much would have to be
// copied to and fro, it has a place to itself: a window that holds some bands more than are needed, and slides on when it is full.
// A value that another segment reads has a place for its whole width.
#pragma once

#include <cstddef>
#include <vector>

#include "memory/layout.hpp"
#include "program/program.hpp"
#include "schedule/bands.hpp"

namespace slsc {

struct Place {
    bool own = true;                 // it is nobody else's between bands, so that nothing is copied
    bool shared = false;             // by several values
    int pitch = 0;                   // columns
    size_t offset = 0;               // floats
    int kept_pitch = 0;              // most columns kept between bands
    size_t kept_offset = 0;          // floats
    int first = 0, last = -1;        // nodes that touch it
};

struct Placement {
    std::vector<int> place_of;  // by value: an index into `places`, that of one of the values that share it
    std::vector<Place> places;
    size_t floats = 0;          // of the whole arena, guards included
};

// Floats from one channel of a row to the next: an odd number of pixels, so that the same columns of all channels spread over the
// sets of the L1 cache, and one more than are used, since what is read beside those is thrown away, but another thread
// must not be writing it.
int64_t plane_floats(int pitch, int lanes);

// `slack`: columns of windows beyond what is needed, in shares of it; the more, the seldomer they slide.
Placement place_values(const Program& program, const std::vector<Shape>& shapes, const Bands& bands, double slack);

}  // namespace slsc
