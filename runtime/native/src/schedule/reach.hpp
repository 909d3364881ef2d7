// How far around the regions that are wanted of the output each operation is needed, where a map leaves regions out.
//
// The output is wanted kRim pixels of the image beyond them. What is needed of an operation grows by how far its readers' windows reach, backwards from the output. What lies far away hardly
// changes anything: convolutions in blocks end kMostReach pixels of the image from the wanted regions, and are 0 where they
// are read beyond. Before what reads everything (a mean over the image) everything is needed.
#pragma once

#include <limits>
#include <vector>

#include "memory/layout.hpp"
#include "program/program.hpp"
#include "schedule/axes.hpp"
#include "schedule/regions.hpp"

namespace slsc {

// Of Regions, all but the reaches. `axes`: by value.
std::vector<NodeReach> find_reaches(const Program& program, const std::vector<Shape>& shapes, const std::vector<Axes>& axes,
                                    const Regions& regions);

}  // namespace slsc
