// Runs a schedule on an image.
#pragma once

#include <functional>
#include <vector>

#include "api/context.hpp"
#include "schedule/schedule.hpp"

namespace slsc {

// Where rows of the upright image lie or are to lie, from `first` to the one before `end`; asked for from top to bottom, without gaps.
using RowsAt = std::function<Planes(int first, int end)>;

// Of an image, both of the schedule's sizes.
struct ImageRows {
    RowsAt read;                                  // of the input
    RowsAt write;                                 // of the output
    std::function<void(int first, int end)> done; // those are written
};

// `map`: a candidate for each region of the upright image, row by row, of programs by region; null for others. Adds to `seconds`, by operation of the plan. Throws Error(SLSC_NO_MEMORY), and what `rows` throw.
void run_schedule(const Schedule& schedule, Context& context, const uint8_t* map, const ImageRows& rows,
                  std::vector<double>& seconds);

}  // namespace slsc
