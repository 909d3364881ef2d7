// All that is to be done for images of one size, in order: which columns each node makes in which step, where values lie, and what
// is copied between bands. A pure value: made once, and run as often as there are images.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "memory/arena.hpp"
#include "memory/layout.hpp"
#include "program/program.hpp"
#include "schedule/regions.hpp"

namespace slsc {

// Columns of a value's part that are copied between its place and where they are kept.
struct Copy {
    int value;
    Part part;
    int first;  // column that the place begins with
};

// A window that slides: columns that lie in a place beginning with column `from` are to lie there as if it began with column `to`.
struct Slide {
    int value;
    Columns columns;
    int from, to;
};

// A node in one step.
struct NodeStep {
    Columns made;             // of its output; none where first == end
    int first[2], out_first, quantized_first[kMostQuantized];  // columns that the places of what it reads and writes begin with
    int fetch, keep;          // ends of its ranges of `copies`: before it runs (from the one before's `keep` on), and after
};

struct Step {
    int first, end;  // nodes
    int at;          // their first in `node_steps`
    int slide;       // end of its range of `slides`, which come before all else
    Columns entered; // columns of the image that it reads, before its nodes run
    int image_first; // column that the image's place begins with
    int restored;    // columns of the network's output that are complete after it
    int output_first;// column that the output's place begins with
};

struct Schedule {
    std::shared_ptr<const Program> program;
    std::vector<Shape> shapes;  // by value
    Placement placement;
    std::vector<Step> steps;
    std::vector<NodeStep> node_steps;
    std::vector<Copy> copies;
    std::vector<Slide> slides;
    Regions regions;            // of a program by region
    size_t scratch_floats;      // of one thread
    int band;                                // columns of the image that enter in one step, at most
    size_t entering_floats, leaving_floats;  // of the rows of image and output that one step takes and gives, at most

    const Shape& input() const { return shapes[program->plan->header.input]; }
    const Shape& output() const { return shapes[program->plan->header.output]; }
};

// How a program is to run on images of height x width.
struct Manner {
    int height, width;
    int threads;
    int band;         // columns; 0: as many as suit the caches. Never changes the result
    uint64_t memory;  // bytes that values should take at most, 0 for no bound; more where they need it. Never changes the result
    RegionSize region{};  // of programs by region
};

// Throws Error(SLSC_BAD_SIZE) when the network does not take images of this size.
Schedule make_schedule(std::shared_ptr<const Program> program, const Manner& manner);

}  // namespace slsc
