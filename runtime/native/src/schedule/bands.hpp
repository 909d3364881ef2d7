// The order in which columns are made: all operations make a band of columns before any makes the next, so that what one
// makes is still in the cache when another reads it.
//
// Every operation goes as far as its inputs let it, but no further than a band; one that reads columns to the right stays
// behind its input by so many. Operations that need a whole width begin a new segment, which starts when all before it
// is complete.
#pragma once

#include <cstdint>
#include <vector>

#include "schedule/columns_read.hpp"
#include "memory/layout.hpp"
#include "plan/plan.hpp"

namespace slsc {

class Bands {
public:
    struct Segment {
        int first, end;  // operations
    };

    // Channels of a value, made by one operation where several make it.
    struct Part {
        int channel, channels;
        Columns kept;  // columns that are made and that later steps need
    };

    // Bands of `columns` columns of the image. `plan`, `shapes` and `runs_with` must outlive it. A plan that would take all too many
    // steps is not worth bands: it goes on in a single one.
    // `runs_with`: by operation, see beside.hpp; those that run together go equally far.
    Bands(const Plan& plan, const std::vector<Shape>& shapes, const std::vector<int>& runs_with, int columns);

    const std::vector<Segment>& segments() const { return segments_; }
    int segment_of(int op) const { return segment_of_[op]; }
    int runs_with(int op) const { return runs_with_[op]; }
    // Whether each operation makes all of its columns at once.
    bool single() const { return columns_ >= shapes_[plan_.header.input].width; }
    int columns() const { return columns_; }
    // What columns of the image are of a value, rounded up.
    int columns_of(int value, int columns) const;

    void restart();
    // Takes all operations of a segment one band further; false when they were complete.
    bool step(const Segment& segment);

    // What an operation makes in this step.
    Columns made(int op) const { return {from_[op], done_[op]}; }
    // Columns of a value that this step's operations may touch: `first` was still needed before it, none from `end` on
    // is made by then. And columns that later steps need.
    Columns held(int value) const { return {first_[value], end_[value]}; }
    Columns kept(int value) const { return {start_[value], end_[value]}; }
    // The latter part by part; empty where one operation makes all of the value.
    const std::vector<Part>& parts(int value) const { return parts_[value]; }
    // Columns of the network's output that are complete.
    int restored() const;

private:
    void list_parts();
    int reach(int op) const;
    int reach_alone(int op) const;
    void drop(const Segment& segment);
    void drop_parts(const Segment& segment);

    const Plan& plan_;
    const std::vector<Shape>& shapes_;
    const std::vector<int>& runs_with_;
    int columns_;
    std::vector<Segment> segments_;
    std::vector<int> segment_of_;       // by operation
    int last_segment_ = -1;             // that writes the output
    int segment_ = 0;                   // stepped last
    int64_t moves_ = 0;                 // of operations, by all steps
    std::vector<int> from_, done_;      // by operation
    std::vector<int> ready_;            // by value: columns that the operations so far in this step have made
    std::vector<int> first_, start_, end_;  // by value
    std::vector<std::vector<Part>> parts_;  // by value
};

}  // namespace slsc
