// Regions of the image in the values of a network.
//
// A map gives a candidate to every region of T x T pixels of the image. A pixel that a convolution makes, before its shuffle, takes
// the weights of the region that it lies in: pixels of all values have a place in the image, which strides, shuffles,
// resizing and padding tell.
#pragma once

#include <cstdint>
#include <vector>

#include "memory/layout.hpp"
#include "program/program.hpp"

namespace slsc {

constexpr int kDefaultRegion = 24, kMaxRegion = 4096;  // pixels of the image, along either side

// Regions of what a convolution makes, before its shuffle.
struct RegionGrid {
    std::vector<uint16_t> row_region, column_region;  // by row and column
    int strip_rows;  // rows of a strip
    int cell_rows, cell_columns;  // a strip's rows and columns between multiples of these lie in one region; 0: such are too small
    bool operator==(const RegionGrid& other) const;
};

struct Regions {
    int rows = 0, columns = 0;  // of the map, which lies on its side as the image does
    std::vector<RegionGrid> grids;
    std::vector<int> grid_of;  // by node with choices; -1 for others, and for what is one pixel
};

// Rows of which strips of the image should be a multiple, of programs by region; 1 for others.
int strip_cell(const Program& program, int region);

// By node: the columns of a cell; 1 where there are none. Empty without grids.
std::vector<int> cell_columns(const Regions& regions);

// Of an image in whose program candidates differ; nothing of others. `region`: T.
Regions find_regions(const Program& program, const std::vector<Shape>& shapes, int region);

// Which lanes each candidate makes of the pixels of a grid.
struct ChosenLanes {
    // By candidate: [column region][row of a strip], bit l for lane l.
    std::vector<std::vector<uint32_t>> lanes;
};

// `map`: by row and column of an upright image, regions.columns x regions.rows of it.
ChosenLanes chosen_lanes(const Regions& regions, const RegionGrid& grid, const uint8_t* map, int candidates, int lanes);

}  // namespace slsc
