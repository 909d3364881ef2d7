// Between photos (channels together, any depth) and networks (planes of float32 in their own range): range, order of colours,
// luma, transparency. As the Python runtime's image/pixels.py.
#pragma once

#include <cstdint>

#include "bundle/manifest.hpp"
#include "bundle/tiles.hpp"

namespace slsc {

// Pixels of one to four channels together, rows from top to bottom: grey, grey and alpha, RGB, RGB and alpha. Black is 0 and
// white is 255, 65535 or 1.0, by the type of a sample.
template <typename Sample>
struct Photo {
    const Sample* pixels;
    int64_t height, width;
    int channels;

    bool has_alpha() const { return channels % 2 == 0; }
    int colours() const { return channels - has_alpha(); }
};

// Whether all samples of a float photo are in 0..1.
bool in_range(const Photo<float>& photo);

// What the network is shown of a tile: luma alone, or colours; of a grey photo three equal ones. Beyond the photo's bottom and
// right border it is mirrored. `planes` takes io.channels planes of the tile's size.
template <typename Sample>
void to_planes(const Photo<Sample>& photo, const Tile& tile, const ImageIO& io, float* planes);

// Finishes the core of a tile, in pixels of the output, in `restored`, which is as `photo`, io.scale times as large. A network that restores luma gets the
// photo's chroma, and transparency its alpha, both enlarged bicubically; a grey photo stays grey. Values are clamped, and
// rounded to nearest (half to even) for integers. `planes` is what the network made of the whole tile.
// Throws Error (SLSC_BAD_OUTPUT) where that is NaN or infinite.
template <typename Sample>
void compose(const float* planes, const Photo<Sample>& photo, const Tile& tile, const ImageIO& io, Sample* restored);

}  // namespace slsc
