// Which tiles a photo is cut into that does not go through the network whole: the largest that the memory allows. As the Python
// runtime's tiles/tile_grid.py.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "bundle/manifest.hpp"
#include "bundle/tiles.hpp"

namespace slsc {

// Bytes that restoring a tile of height x width input pixels takes.
using TileBytes = std::function<uint64_t(int64_t height, int64_t width)>;

// The tiles of one photo: the product of rows and columns. They reach beyond it at the bottom and right where the network
// needs a multiple or a fixed size.
struct TilePlan {
    std::vector<Span> rows, columns;
    int64_t halo, align;  // for cutting a tile further
    bool can_split;
};

// Throws Error: SLSC_NO_MEMORY where no tile fits into `memory` bytes, SLSC_BAD_SIZE where a fixed input is too small to tile.
TilePlan plan_tiles(const Manifest& manifest, int64_t height, int64_t width, uint64_t memory, const TileBytes& bytes);

}  // namespace slsc
