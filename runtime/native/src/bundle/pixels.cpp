#include "bundle/pixels.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "bundle/resample.hpp"
#include "support/error.hpp"

namespace slsc {

namespace {

template <typename Sample>
constexpr double kWhite = 1.0;
template <>
constexpr double kWhite<uint8_t> = 255.0;
template <>
constexpr double kWhite<uint16_t> = 65535.0;

// Sums of enlarging, as the Python runtime has them.
template <typename Sample>
using SumOf = std::conditional_t<std::is_same_v<Sample, float>, float, double>;

// Y of R, G, B (ITU-R BT.601-7, 2.5.1), full range.
float luma(float red, float green, float blue) { return 0.299f * red + 0.587f * green + 0.114f * blue; }

// The place in a pixel, or among colours, of the network's channel.
int colour_of(int channel, const ImageIO& io) { return io.order == "BGR" ? 2 - channel : channel; }

// A network's values as levels of a photo.
class Levels {
public:
    Levels(const ImageIO& io, double white)
        : low_(float(io.low)), step_(float(white / (io.high - io.low))), white_(float(white)) {}

    float operator()(float value) const { return (value - low_) * step_; }

    template <typename Sample>
    Sample finished(float level) const {
        level = std::min(std::max(level, 0.0f), white_);
        if constexpr (std::is_same_v<Sample, float>) return level;
        else return Sample(std::lrint(level));
    }

private:
    float low_, step_, white_;
};

// Composes a tile row by row.
template <typename Sample>
class Composer {
public:
    Composer(const float* planes, const Photo<Sample>& photo, const Tile& tile, const ImageIO& io)
        : planes_(planes), photo_(photo), tile_(tile), io_(io), levels_(io, kWhite<Sample>) {
        bottom_ = std::min(tile.rows.core_stop, photo.height) * io.scale;
        right_ = std::min(tile.columns.core_stop, photo.width) * io.scale;
        top_ = tile.rows.core_start * io.scale, left_ = tile.columns.core_start * io.scale;
        keep_chroma_ = photo.colours() == 3 && io.channels == 1;
        if (!keep_chroma_ && !photo.has_alpha()) return;
        // Made at once where both are asked for; where only alpha is, its plane begins behind the colours.
        from_ = keep_chroma_ ? 0 : photo.colours();
        wanted_ = photo.channels - from_;
        if (keep_chroma_ && !photo.has_alpha()) wanted_ = 3;
        rows_ = make_taps(photo.height, io.scale, top_, bottom_);
        columns_ = make_taps(photo.width, io.scale, left_, right_);
        const Plane<Sample> plane{photo.pixels + from_, photo.width, photo.channels, wanted_};
        enlarger_.emplace(plane, rows_, columns_);
        enlarged_.resize(size_t(right_ - left_) * size_t(wanted_));
    }

    void compose(Sample* restored) {
        const int channels = photo_.channels;
        for (int64_t row = top_; row < bottom_; ++row) {
            if (enlarger_) enlarger_->enlarge(row, enlarged_.data());
            Sample* target = restored + (row * photo_.width * io_.scale + left_) * channels;
            for (int64_t column = left_; column < right_; ++column, target += channels) {
                float pixel[4];
                colours(row, column, pixel);
                const float* enlarged = enlarged_.data() + (column - left_) * wanted_;
                if (keep_chroma_) with_luma(pixel, enlarged);
                if (photo_.has_alpha()) pixel[channels - 1] = enlarged[wanted_ - 1];
                for (int c = 0; c < channels; ++c) target[c] = levels_.template finished<Sample>(pixel[c]);
            }
        }
    }

private:
    // What the network made of a pixel: one level, or as many as the photo has colours.
    void colours(int64_t row, int64_t column, float* pixel) const {
        const int64_t height = tile_.rows.size() * io_.scale, width = tile_.columns.size() * io_.scale;
        const int64_t at = (row - tile_.rows.start * io_.scale) * width + column - tile_.columns.start * io_.scale;
        for (int channel = 0; channel < io_.channels; ++channel) {
            const float level = levels_(planes_[channel * height * width + at]);
            if (!std::isfinite(level))
                throw Error(SLSC_BAD_OUTPUT, "the network returned values that are not numbers: output row " +
                                                 std::to_string(row) + ", column " + std::to_string(column) +
                                                 "; try another engine of the bundle");
            pixel[colour_of(channel, io_)] = level;
        }
        if (io_.channels == 3 && photo_.colours() == 1) pixel[0] = luma(pixel[0], pixel[1], pixel[2]);
    }

    // R - Y, G - Y and B - Y hold the chroma alone (BT.601-7, 2.5.2), so replacing Y is adding its change.
    static void with_luma(float* pixel, const float* rgb) {
        const float change = pixel[0] - luma(rgb[0], rgb[1], rgb[2]);
        for (int c = 0; c < 3; ++c) pixel[c] = rgb[c] + change;
    }

    const float* planes_;
    const Photo<Sample>& photo_;
    const Tile& tile_;
    const ImageIO& io_;
    Levels levels_;
    int64_t top_, bottom_, left_, right_;  // of the core, in output pixels
    bool keep_chroma_;
    int from_ = 0, wanted_ = 0;  // channels of the photo that are enlarged
    Taps rows_, columns_;
    std::optional<RowEnlarger<SumOf<Sample>, Sample>> enlarger_;
    std::vector<float> enlarged_;  // one row
};

}  // namespace

bool in_range(const Photo<float>& photo) {
    const float* end = photo.pixels + photo.height * photo.width * photo.channels;
    return std::all_of(photo.pixels, end, [](float sample) { return sample >= 0.0f && sample <= 1.0f; });
}

template <typename Sample>
void to_planes(const Photo<Sample>& photo, const Tile& tile, const ImageIO& io, float* planes) {
    const float step = float((io.high - io.low) / kWhite<Sample>), low = float(io.low);
    const int64_t plane = tile.rows.size() * tile.columns.size();
    const bool grey = photo.colours() == 1;
    for (int64_t row = tile.rows.start; row < tile.rows.stop; ++row) {
        const Sample* line = photo.pixels + mirrored(row, photo.height) * photo.width * photo.channels;
        for (int64_t column = tile.columns.start; column < tile.columns.stop; ++column, ++planes) {
            const Sample* pixel = line + mirrored(column, photo.width) * photo.channels;
            if (io.channels == 1) {
                *planes = (grey ? float(pixel[0]) : luma(pixel[0], pixel[1], pixel[2])) * step + low;
                continue;
            }
            for (int channel = 0; channel < 3; ++channel)
                planes[channel * plane] = float(pixel[grey ? 0 : colour_of(channel, io)]) * step + low;
        }
    }
}

template <typename Sample>
void compose(const float* planes, const Photo<Sample>& photo, const Tile& tile, const ImageIO& io, Sample* restored) {
    Composer<Sample>(planes, photo, tile, io).compose(restored);
}

#define SLSC_FOR_SAMPLES(Sample)                                                               \
    template void to_planes(const Photo<Sample>&, const Tile&, const ImageIO&, float*);        \
    template void compose(const float*, const Photo<Sample>&, const Tile&, const ImageIO&, Sample*);
SLSC_FOR_SAMPLES(uint8_t)
SLSC_FOR_SAMPLES(uint16_t)
SLSC_FOR_SAMPLES(float)
#undef SLSC_FOR_SAMPLES

}  // namespace slsc
