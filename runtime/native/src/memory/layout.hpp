// How values lie in memory: [row][channel][column][lane], lanes being horizontal strips of one image. What a convolution reads of
// a row of all channels is close together then.
//
// Lane l holds image rows [l * rows, (l + 1) * rows); rows beyond `height` in the last lanes are garbage. Strip row t of
// lane l, for t outside [0, rows), is row t - q * rows of lane l + q, q = floor(t / rows): reading it is an unaligned load
// q floats further on, with the lanes masked off whose image row l * rows + t lies outside [0, height).
//
// In passes by region values lie in blocks: rows [k * block, (k + 1) * block) are strips of image rows from k * lanes * block on, cut
// as above. A region is one block high, so that all lanes of a vector are one region's. Otherwise block == rows.
#pragma once

#include <cstdint>

namespace slsc {

// Floats that may be read before and after any value: unaligned loads reach into a neighbouring pixel's lanes.
constexpr int kGuardFloats = 64;

// How the numbers of a value lie.
enum class Layout : uint8_t {
    Strips,  // F32
    Bytes,  // U8
    Halves,  // BF16
    ByPixel  // F32
};

struct Shape {
    int channels = 0;  // planes of floats: channels of a value in strips, and as many as the others take
    int height = 0;
    int width = 0;
    int rows = 0;  // of a strip; lanes * rows >= height
    bool pixel = false;  // one pixel, repeated in all lanes
    int block = 0;  // rows of a block, of which `rows` is a multiple
    Layout layout = Layout::Strips;
};

// Values of U8 and BF16 are packed: they have a pixel's channels beside each other, in blocks of as many as fill a vector:
// [row][lane][block][column][channel]. A block of a lane takes the memory of a channel of F32 and moves like one. What a last block has
// beyond the channels is garbage. `each`: bytes of a channel.
static inline int packed_blocks(int channels, int each, int lanes) { return (channels * each + 4 * lanes - 1) / (4 * lanes); }

// Values of F32 by pixel lie so, too, in blocks of as many channels as there are lanes: [row][lane][block][column][channel].
static inline int pixel_blocks(int channels, int lanes) { return (channels + lanes - 1) / lanes; }

// `channels` consecutive channels of a value (all of one of U8), of which columns [first, first + pitch) are in memory.
struct View {
    float* data = nullptr;
    int channels = 0;
    int height = 0;
    int width = 0;
    int rows = 0;
    bool pixel = false;
    int64_t plane = 0;  // floats from one channel of a row to the next
    int64_t row = 0;  // floats from one row to the next
    int first = 0;  // column that `data` begins with
    int pitch = 0;  // columns in memory
    int block = 0;  // rows of a block
    Layout layout = Layout::Strips;
};

// Rows of an upright planar image from row `first` on: [channel][row][pixel], `plane` floats from one channel to the next.
struct Planes {
    float* data = nullptr;
    int64_t plane = 0;
    int first = 0;
};

// Image row of row t of a lane.
static inline int image_row(const View& view, int lanes, int lane, int t) {
    return (t / view.block * lanes + lane) * view.block + t % view.block;
}

// Where a row of the image lies.
struct RowPlace {
    int lane, row;
};

static inline RowPlace place_of_row(const View& view, int lanes, int image_row) {
    const int strip = image_row / view.block;
    return {strip % lanes, strip / lanes * view.block + image_row % view.block};
}

static inline int floor_div(int a, int b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

}  // namespace slsc
