#include "band_width.hpp"

#include <algorithm>
#include <cstdint>

namespace slsc {
namespace {

// Measured, see README.md: a band of the largest value should stay in the cache that cores share, as an image that small
// does of itself; register blocks should be whole, and wider bands than the most gain nothing.
constexpr int64_t kBandBytes = 8 << 20;
constexpr int kLeast = 12, kMost = 48, kUnit = 12;

int ceil_div(int a, int b) { return (a + b - 1) / b; }

// Columns that give every thread a region of a convolution.
int columns_for_threads(const Shape& image, const TapTuning& tuning, int threads) {
    const int down = ceil_div(image.rows, tuning.rows);
    return down >= threads ? 0 : ceil_div(threads, down) * tuning.columns;
}

}  // namespace

int band_width(const Plan& plan, const std::vector<Shape>& shapes, const TapTuning& tuning, int threads) {
    const Shape& image = shapes[plan.header.input];
    int64_t largest = 1;  // bytes
    for (const Shape& s : shapes)
        largest = std::max(largest, int64_t(sizeof(float)) * s.channels * s.rows * s.width * tuning.lanes);
    const int64_t suits = kBandBytes * image.width / largest;
    if (suits >= image.width) return image.width;
    int columns = int(std::clamp<int64_t>(suits, kLeast, kMost)) / kUnit * kUnit;
    columns = std::max(columns, columns_for_threads(image, tuning, threads));
    const int bands = ceil_div(image.width, columns);  // of about the same width
    return std::min(image.width, ceil_div(ceil_div(image.width, bands), kUnit) * kUnit);
}

}  // namespace slsc
