#include "bundle/transparency.hpp"

#include <algorithm>

namespace slsc {

namespace {

constexpr int kReach = 16;         // pixels that colour bleeds
constexpr uint8_t kNever = 0xff;  // the round of a pixel that has no colour yet

}  // namespace

template <typename Sample>
bool partly_transparent(const Photo<Sample>& photo) {
    if (!photo.has_alpha()) return false;
    bool clear = false, visible = false;
    const int64_t samples = photo.height * photo.width * photo.channels;
    for (int64_t i = photo.channels - 1; i < samples && !(clear && visible); i += photo.channels)
        (photo.pixels[i] > 0 ? visible : clear) = true;
    return clear && visible;
}

template <typename Sample>
std::vector<Sample> bled(const Photo<Sample>& photo) {
    const int64_t height = photo.height, width = photo.width, channels = photo.channels, count = height * width;
    std::vector<Sample> pixels(photo.pixels, photo.pixels + count * channels);
    std::vector<uint8_t> coloured(static_cast<size_t>(count));  // the round in which each got its colour
    for (int64_t i = 0; i < count; ++i) coloured[size_t(i)] = pixels[size_t((i + 1) * channels - 1)] > 0 ? 0 : kNever;
    for (int round = 1; round <= kReach; ++round)
        for (int64_t row = 0, at = 0; row < height; ++row)
            for (int64_t column = 0; column < width; ++column, ++at) {
                if (coloured[size_t(at)] != kNever) continue;
                const auto had = [&](bool there, int64_t place) { return there && coloured[size_t(place)] < round; };
                int64_t from = -1;
                if (had(row > 0, at - width)) from = at - width;
                else if (had(column > 0, at - 1)) from = at - 1;
                else if (had(column + 1 < width, at + 1)) from = at + 1;
                else if (had(row + 1 < height, at + width)) from = at + width;
                if (from < 0) continue;
                std::copy_n(pixels.begin() + from * channels, photo.colours(), pixels.begin() + at * channels);
                coloured[size_t(at)] = uint8_t(round);
            }
    return pixels;
}

#define SLSC_FOR_SAMPLES(Sample)                            \
    template bool partly_transparent(const Photo<Sample>&); \
    template std::vector<Sample> bled(const Photo<Sample>&);
SLSC_FOR_SAMPLES(uint8_t)
SLSC_FOR_SAMPLES(uint16_t)
SLSC_FOR_SAMPLES(float)
#undef SLSC_FOR_SAMPLES

}  // namespace slsc
