// Cutting an image into overlapping tiles: pure arithmetic along one axis, in input pixels.
//
// The same as the Python runtime's (tiles/tiling.py), so that both restore with the same tiles. All tiles of an image have
// the same extent, also at the borders, where a tile reaches further inwards instead of past the border.
#pragma once

#include <cstdint>
#include <vector>

namespace slsc {

// One tile along one axis: the pixels given to the network, and those whose output is kept.
struct Span {
    int64_t start, stop;
    int64_t core_start, core_stop;

    int64_t size() const { return stop - start; }
};

// A rectangle to restore.
struct Tile {
    Span rows, columns;
};

// In pixels `scale` times as small.
Tile scaled(const Tile& tile, int64_t scale);

// The smallest multiple of `multiple` that is at least `value`; neither negative.
int64_t round_up(int64_t value, int64_t multiple);

// Pixels from one tile's start to the next one's at most; below 1 where `extent` leaves no core between its two halos.
int64_t longest_step(int64_t extent, int64_t halo, int64_t align);

// The extent that cuts `size` pixels into as few and as even tiles as extents up to `largest` allow. `largest` holds the
// whole image, or leaves a core between its two halos.
int64_t even_extent(int64_t size, int64_t largest, int64_t halo, int64_t align);

// Tiles of one extent that cover an axis; neighbours overlap by at least two halos and meet in the middle. Every one starts
// at a multiple of `align`. `extent` holds the whole image, or leaves a core between its two halos.
std::vector<Span> spans(int64_t size, int64_t extent, int64_t halo, int64_t align);

// A tile cut in two along its longer side, each part with its own halo; empty if it is too small for that.
std::vector<Tile> split(const Tile& tile, int64_t halo, int64_t align);

// The place inside 0..size of a pixel that may lie beyond the end, where the image is mirrored.
int64_t mirrored(int64_t place, int64_t size);

}  // namespace slsc
