// Colour of fully transparent pixels: most files hold black there, which a network would smear into the rim. As the Python
// runtime's image/transparency.py.
#pragma once

#include <cstdint>
#include <vector>

#include "bundle/pixels.hpp"

namespace slsc {

// Whether there are pixels of alpha 0, and others.
template <typename Sample>
bool partly_transparent(const Photo<Sample>& photo);

// What bled takes.
template <typename Sample>
uint64_t bled_bytes(const Photo<Sample>& photo) {
    return uint64_t(photo.height) * uint64_t(photo.width) * (uint64_t(photo.channels) * sizeof(Sample) + 1);
}

// The samples of a photo with alpha, those of alpha 0 in the colour of the nearest others, as far as 16 pixels from them. In each
// round every pixel without colour takes that of its first neighbour (above, left, right, below) which had one before the round.
template <typename Sample>
std::vector<Sample> bled(const Photo<Sample>& photo);

}  // namespace slsc
