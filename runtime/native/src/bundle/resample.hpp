// Bicubic enlarging as MATLAB's `imresize` does it, for what a network does not restore: chroma and transparency.
//
// Keys' cubic kernel with a = -0.5, weights normalised, symmetric border, pixel centres at half-integers; rows (height)
// before columns (width), sums in the order of the taps: as the Python runtime's image/resample.py, to the bit.
#pragma once

#include <cstdint>
#include <vector>

namespace slsc {

// The six taps of each of some outputs of one enlarged axis.
struct Taps {
    static constexpr int kCount = 6;

    int64_t first;                 // the outputs' first; a tap of output `first` + i is at i * kCount
    std::vector<double> weights;
    std::vector<int64_t> places;   // in the image
};

// Of the outputs `start`..`stop` of an axis of `size` pixels enlarged by `scale`.
Taps make_taps(int64_t size, int scale, int64_t start, int64_t stop);

// Pixels of an image, channels together, a row after another; the first channel wanted, of so many, each row's `width`
// pixels of `channels` samples.
template <typename Sample>
struct Plane {
    const Sample* first;
    int64_t width;
    int channels, wanted;

    const Sample& at(int64_t row, int64_t column, int channel) const { return first[(row * width + column) * channels + channel]; }
};

// One row of the enlarged image at the outputs of `columns`, `wanted` channels together, neither rounded nor clamped. Sums
// are of the type `Sum`: float for float samples, double for others.
template <typename Sum, typename Sample>
class RowEnlarger {
public:
    RowEnlarger(Plane<Sample> image, const Taps& rows, const Taps& columns);

    // `row` is an output of the taps of rows; `made` holds the outputs of columns times `wanted`.
    void enlarge(int64_t row, float* made);

private:
    Plane<Sample> image_;
    const Taps& rows_;
    const Taps& columns_;
    int64_t left_, right_;      // columns of the image that are needed
    std::vector<Sum> between_;  // those, resized along the height
};

}  // namespace slsc
