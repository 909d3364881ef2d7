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
#include <limits>
#include <vector>

#include "memory/layout.hpp"
#include "program/program.hpp"
#include "slsc/native.h"

namespace slsc {

constexpr int kMaxRegion = 4096, kRegionLanes = 16;

constexpr int kMostReach = 4, kRim = SLSC_RIM;  // pixels of the image, see reach.hpp
constexpr uint8_t kLeftOut = SLSC_LEFT_OUT;  // in a map, of a region of which nothing is wanted

// Pixels of the image along the sides of a region; the image lies on its side.
struct RegionSize {
    int rows = 32, columns = 24;
};

// Regions of what a convolution makes, before its shuffle.
struct RegionGrid {
    std::vector<uint16_t> row_region, column_region;  // by row, none of blocks; by column
    std::vector<int> column_place;  // by column: that of the image
    int strip_rows;  // rows of a strip
    int unit;  // columns that are best made at a time: those of a region are a multiple
    bool in_blocks() const { return row_region.empty(); }
    bool operator==(const RegionGrid& other) const;
};

constexpr int kEverything = std::numeric_limits<int>::max();

// Pixels of the image around a region to either side, along its rows and along its columns; kEverything for all, -1 for none at all.
struct Reach {
    int rows, columns;
};

// What of a node is needed around the regions that are wanted. `made`: to be made; `read`: read, by all that is made.
struct NodeReach {
    Reach made, read;
};

struct Regions {
    int rows = 0, columns = 0;  // of the map, which lies on its side as the image does
    std::vector<RegionGrid> grids;
    RegionSize size;
    std::vector<int> output_rows, output_columns;  // places of the network's output
    std::vector<NodeReach> reaches;  // by node
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
