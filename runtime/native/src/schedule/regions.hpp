// Regions of the image in the values of a network.
//
// A map gives a candidate to every region of the image, of some rows and columns. A pixel that a convolution makes, before its shuffle, takes
// the weights of the region that it lies in: pixels of all values have a place in the image, which strides, shuffles,
// resizing and padding tell.
//
// Where a region is a multiple of kRegionLanes pixels high (wide, upright) values lie in blocks of that height (memory/layout.hpp), or
// of what it is in their own pixels where that is such a multiple, too. Their rows then lie in the regions that the blocks are,
// whatever padding tells. Other values are made with all candidates, each of its lanes.
#pragma once

#include <cstdint>
#include <vector>

#include "memory/layout.hpp"
#include "program/program.hpp"

namespace slsc {

constexpr int kMaxRegion = 4096, kRegionLanes = 16;

// Pixels of the image along the sides of a region; the image lies on its side.
struct RegionSize {
    int rows = 32, columns = 24;
};

// Regions of what a convolution makes, before its shuffle.
struct RegionGrid {
    std::vector<uint16_t> row_region, column_region;  // by row, none of blocks; by column
    int strip_rows;  // rows of a strip
    int unit;  // columns that are best made at a time: those of a region are a multiple
    bool in_blocks() const { return row_region.empty(); }
    bool operator==(const RegionGrid& other) const;
};

struct Regions {
    int rows = 0, columns = 0;  // of the map, which lies on its side as the image does
    std::vector<RegionGrid> grids;
    std::vector<int> grid_of;  // by node: of convolutions with choices, or of blocks; -1 for others, and for what is one pixel
};

// By node: the columns that it is best to make at a time; 1 where it does not matter. Empty without grids.
std::vector<int> column_units(const Regions& regions);

// Of an image in whose program candidates differ; nothing of others. Cuts values into blocks.
Regions find_regions(const Program& program, std::vector<Shape>& shapes, const RegionSize& size);

// Which lanes each candidate makes of the pixels of a grid that has no blocks.
struct ChosenLanes {
    // By candidate: [column region][row of a strip], bit l for lane l.
    std::vector<std::vector<uint32_t>> lanes;
};

// `map`: by row and column of an upright image, regions.columns x regions.rows of it.
ChosenLanes chosen_lanes(const Regions& regions, const RegionGrid& grid, const uint8_t* map, int candidates, int lanes);

}  // namespace slsc
