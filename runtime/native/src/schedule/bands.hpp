// The order in which columns are made: all operations make a band of columns before any makes the next, so that what one
// makes is still in the cache when another reads it.
//
// The image enters a band at a time, too. Every operation goes as far as its inputs let it, but no further than a band; one that
// reads columns to the right stays behind its input by so many. Operations that need a whole width begin a new segment, which starts when all before it
// is complete.
#pragma once

#include <vector>

#include "memory/layout.hpp"
#include "ops/spec.hpp"
#include "program/program.hpp"

namespace slsc {

struct Segment {
    int first, end;  // nodes
    std::vector<int> values;  // that they touch, ascending; of the first also the image, which enters there
};

// Channels of a value, made by one operation where several make it.
struct Part {
    int channel, channels;
    Columns kept;  // columns that are made and that later steps need
};

// Columns of a value in one step. `held`: those that the step's nodes may touch: `first` was still needed before it, none from
// `end` on is made by then. `kept`: that later steps need; and part by part, where several operations make the value.
struct ValueStep {
    Columns held, kept;
    std::vector<Part> parts;
};

// All nodes of a segment, one band further.
struct BandStep {
    int segment;
    Columns entered;  // of the image
    int restored;  // columns of the network's output that are complete after it
    std::vector<Columns> made;  // by node of the segment
    std::vector<ValueStep> values;  // by value of the segment
};

struct Bands {
    int columns;  // of the image
    bool single;  // each operation makes all of its columns at once
    std::vector<Segment> segments;
    std::vector<int> segment_of;  // by node
    std::vector<BandStep> steps;
};

// Bands of `columns` columns of the image, or twice as many, or four times, and so on where that would take all too many steps.
// `units`: by node, columns of which it is to make multiples, but for the last of its width; see column_units(). None: 1 for all.
Bands make_bands(const Program& program, const std::vector<Shape>& shapes, int columns, const std::vector<int>& units = {});

// What columns of the image are of a value, rounded up.
int columns_of(const Program& program, const std::vector<Shape>& shapes, int value, int columns);

// Index of a value in a segment's list, which has it.
int value_index(const Segment& segment, int value);

}  // namespace slsc
