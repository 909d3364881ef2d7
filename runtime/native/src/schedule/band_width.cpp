#include "schedule/band_width.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace slsc {
namespace {

// Measured, see docs/experiments.md: a band of the largest value should stay in the cache that cores share, as an image that small
// does of itself; wider bands than the most gain nothing.
constexpr int64_t kBandBytes = 8 << 20;
constexpr int kMost = 48;
// With regions every convolution stays some columns behind its input, and bands cut regions into pieces that fill no register
// block: wide bands pay, though they leave the cache.
constexpr int64_t kBandBytesByRegion = 192 << 20;
constexpr int kMostByRegion = 192;

int ceil_div(int a, int b) { return (a + b - 1) / b; }

// Columns of which every thread has as many regions of a convolution.
int even_columns(const Shape& image, const TapTuning& tuning, int threads) {
    const int down = ceil_div(image.rows, tuning.rows);
    return threads / std::gcd(down, threads) * tuning.columns;
}

}  // namespace

int band_width(const Program& program, const std::vector<Shape>& shapes, int threads) {
    const TapTuning& tuning = program.target.kernels->tuning.taps;
    const Shape& image = shapes[program.plan->header.input];
    int64_t largest = 1;  // bytes
    for (const Shape& s : shapes)
        largest = std::max(largest, int64_t(sizeof(float)) * s.channels * s.rows * s.width * tuning.lanes);
    const bool by_region = program.target.candidate == kByRegion;
    const int64_t suits = (by_region ? kBandBytesByRegion : kBandBytes) * image.width / largest;
    if (suits >= image.width && !(by_region && image.width > kMostByRegion)) return image.width;
    const int most = by_region ? kMostByRegion : kMost;
    const int unit = even_columns(image, tuning, threads);
    const int columns = std::max(1, (int(std::min<int64_t>(suits, most)) + unit / 2) / unit) * unit;  // to the nearest
    const int bands = ceil_div(image.width, columns);  // of about the same width
    return std::min(image.width, ceil_div(ceil_div(image.width, bands), unit) * unit);
}

}  // namespace slsc
