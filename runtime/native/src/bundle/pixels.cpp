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

// The place among R, G, B of the network's channel.
int colour_of(int channel, const ImageIO& io) { return io.order == "BGR" ? 2 - channel : channel; }

// A network's values as levels of a photo, in loops that compilers turn into vector instructions.
template <typename Sample>
class Levels {
public:
    explicit Levels(const ValueRange& range) : white_(float(kWhite<Sample>)) {
        for (size_t i = 0; i < range.low.size(); ++i)
            low_[i] = float(range.low[i]), step_[i] = float(kWhite<Sample> / (range.high[i] - range.low[i]));
    }

    // Of one of the network's channels. False if one is no number.
    bool make(int channel, const float* values, size_t count, float* levels) const {
        const float low = low_[channel], step = step_[channel];
        int bad = 0;
        for (size_t i = 0; i < count; ++i) {
            levels[i] = (values[i] - low) * step;
            bad += !std::isfinite(levels[i]);
        }
        return bad == 0;
    }

    // Clamps them, and rounds them for integers: samples, one every `stride`.
    void finish(const float* levels, size_t count, Sample* samples, int stride) const {
        for (size_t i = 0; i < count; ++i) {
            float level = std::min(std::max(levels[i], 0.0f), white_);
            if constexpr (!std::is_same_v<Sample, float>) level = (level + kRounder) - kRounder;
            samples[i * size_t(stride)] = Sample(level);
        }
    }

private:
    static constexpr float kRounder = 1.5f * (1 << 23);  // added to a level, it leaves no place for fractions

    float low_[3] = {}, step_[3] = {};  // by channel
    float white_;
};

// Composes a tile row by row.
template <typename Sample>
class Composer {
public:
    Composer(const float* planes, const Photo<Sample>& photo, const Tile& tile, const ImageIO& io)
        : planes_(planes), photo_(photo), tile_(tile), io_(io), levels_(io.output_range) {
        bottom_ = std::min(tile.rows.core_stop, photo.height * io.scale);
        right_ = std::min(tile.columns.core_stop, photo.width * io.scale);
        top_ = tile.rows.core_start, left_ = tile.columns.core_start;
        width_ = size_t(right_ - left_);
        for (auto& line : lines_) line.resize(width_);
        keep_chroma_ = photo.colours() == 3 && io.channels == 1;
        if (!keep_chroma_ && !photo.has_alpha()) return;
        first_ = keep_chroma_ ? 0 : photo.colours();
        enlarged_channels_ = photo.channels - first_;
        rows_ = make_taps(photo.height, io.scale, top_, bottom_);
        columns_ = make_taps(photo.width, io.scale, left_, right_);
        const Plane<Sample> plane{photo.pixels + first_, photo.width, photo.channels, enlarged_channels_};
        enlarger_.emplace(plane, rows_, columns_);
        enlarged_.resize(width_ * size_t(enlarged_channels_));
    }

    void compose(Sample* restored) {
        const int channels = photo_.channels;
        for (int64_t row = top_; row < bottom_; ++row) {
            make_colours(row);
            if (enlarger_) enlarger_->enlarge(row, enlarged_.data());
            if (keep_chroma_) add_chroma();
            if (photo_.has_alpha()) take_enlarged(channels - 1);
            Sample* target = restored + (row * photo_.width * io_.scale + left_) * channels;
            for (int c = 0; c < channels; ++c) levels_.finish(lines_[c].data(), width_, target + c, channels);
        }
    }

private:
    // What the network made of a row: one line, or as many as the photo has colours.
    void make_colours(int64_t row) {
        const int64_t height = tile_.rows.size(), width = tile_.columns.size();
        const int64_t at = (row - tile_.rows.start) * width + left_ - tile_.columns.start;
        for (int channel = 0; channel < io_.channels; ++channel)
            if (!levels_.make(channel, planes_ + channel * height * width + at, width_, lines_[colour_of(channel, io_)].data()))
                throw Error(SLSC_BAD_OUTPUT, "the network returned values that are not numbers: output row " + std::to_string(row) +
                                                 ", columns " + std::to_string(left_) + ".." + std::to_string(right_) +
                                                 "; try another engine of the bundle");
        if (io_.channels == 3 && photo_.colours() == 1)
            for (size_t i = 0; i < width_; ++i) lines_[0][i] = luma(lines_[0][i], lines_[1][i], lines_[2][i]);
    }

    // R - Y, G - Y and B - Y hold the chroma alone (BT.601-7, 2.5.2), so replacing Y is adding its change.
    void add_chroma() {
        for (size_t i = 0; i < width_; ++i) {
            const float* rgb = &enlarged_[i * size_t(enlarged_channels_)];
            const float change = lines_[0][i] - luma(rgb[0], rgb[1], rgb[2]);
            for (int c = 0; c < 3; ++c) lines_[c][i] = rgb[c] + change;
        }
    }

    void take_enlarged(int channel) {
        for (size_t i = 0; i < width_; ++i)
            lines_[channel][i] = enlarged_[i * size_t(enlarged_channels_) + size_t(channel - first_)];
    }

    const float* planes_;
    const Photo<Sample>& photo_;
    const Tile& tile_;
    const ImageIO& io_;
    Levels<Sample> levels_;
    int64_t top_, bottom_, left_, right_;  // of the core, in output pixels
    size_t width_;
    std::vector<float> lines_[4];  // one row by channel
    bool keep_chroma_;
    int first_ = 0, enlarged_channels_ = 0;  // channels of the photo that are enlarged
    Taps rows_, columns_;
    std::optional<RowEnlarger<SumOf<Sample>, Sample>> enlarger_;
    std::vector<float> enlarged_;  // one row, channels together
};

}  // namespace

bool in_range(const Photo<float>& photo) {
    const float* end = photo.pixels + photo.height * photo.width * photo.channels;
    return std::all_of(photo.pixels, end, [](float sample) { return sample >= 0.0f && sample <= 1.0f; });
}

template <typename Sample>
void to_planes(const Photo<Sample>& photo, const Tile& tile, const ImageIO& io, float* planes) {
    const int64_t width = tile.columns.size(), plane = tile.rows.size() * width;
    const bool grey = photo.colours() == 1, sum = !grey && io.channels == 1;
    std::vector<int64_t> places;  // in a row of the photo
    for (int64_t column = tile.columns.start; column < tile.columns.stop; ++column)
        places.push_back(mirrored(column, photo.width) * photo.channels);
    for (int64_t row = tile.rows.start; row < tile.rows.stop; ++row, planes += width) {
        const Sample* line = photo.pixels + mirrored(row, photo.height) * photo.width * photo.channels;
        for (int channel = 0; channel < io.channels; ++channel) {
            const double black = io.input_range.low[size_t(channel)], span = io.input_range.high[size_t(channel)] - black;
            const float step = float(span / kWhite<Sample>), low = float(black);
            const Sample* from = line + (grey ? 0 : colour_of(channel, io));
            float* to = planes + channel * plane;
            for (int64_t i = 0; i < width; ++i) {
                const Sample* pixel = from + places[size_t(i)];
                to[i] = (sum ? luma(pixel[0], pixel[1], pixel[2]) : float(pixel[0])) * step + low;
            }
        }
    }
}

template <typename Sample>
void compose(const float* planes, const Photo<Sample>& photo, const Tile& tile, const ImageIO& io, Sample* restored) {
    Composer<Sample>(planes, photo, tile, io).compose(restored);
}

#define SLSC_FOR_SAMPLES(Sample)                                                        \
    template void to_planes(const Photo<Sample>&, const Tile&, const ImageIO&, float*); \
    template void compose(const float*, const Photo<Sample>&, const Tile&, const ImageIO&, Sample*);
SLSC_FOR_SAMPLES(uint8_t)
SLSC_FOR_SAMPLES(uint16_t)
SLSC_FOR_SAMPLES(float)
#undef SLSC_FOR_SAMPLES

}  // namespace slsc
