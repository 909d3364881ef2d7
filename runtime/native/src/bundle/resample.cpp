#include "bundle/resample.hpp"

#include <algorithm>
#include <cmath>

#include "bundle/tiles.hpp"

namespace slsc {

// IEEE Trans. ASSP 29(6), 1981, eq. 15, a = -0.5.
static double cubic(double x) {
    x = std::fabs(x);
    const double square = x * x, cube = square * x;
    if (x <= 1) return 1.5 * cube - 2.5 * square + 1;
    return x <= 2 ? -0.5 * cube + 2.5 * square - 4 * x + 2 : 0.0;
}

Taps make_taps(int64_t size, int scale, int64_t start, int64_t stop) {
    Taps taps{start, {}, {}};
    for (int64_t output = start; output < stop; ++output) {
        // Positions count from 1, as in MATLAB, so that rounding falls as it does there.
        const double centre = double(output + 1) / scale + 0.5 * (1 - 1.0 / scale);
        const double left = std::floor(centre - 2);
        double weights[Taps::kCount], sum = 0.0;
        for (int tap = 0; tap < Taps::kCount; ++tap) sum += weights[tap] = cubic(centre - (left + tap));
        for (int tap = 0; tap < Taps::kCount; ++tap) {
            taps.weights.push_back(weights[tap] / sum);
            taps.places.push_back(mirrored(int64_t(left) + tap - 1 + 4 * size, size));  // left >= -2
        }
    }
    return taps;
}

template <typename Sum, typename Sample>
RowEnlarger<Sum, Sample>::RowEnlarger(Plane<Sample> image, const Taps& rows, const Taps& columns)
    : image_(image), rows_(rows), columns_(columns) {
    left_ = *std::min_element(columns.places.begin(), columns.places.end());
    right_ = *std::max_element(columns.places.begin(), columns.places.end()) + 1;
    between_.resize(size_t(right_ - left_) * size_t(image.wanted));
}

template <typename Sum, typename Sample>
void RowEnlarger<Sum, Sample>::enlarge(int64_t row, float* made) {
    const int wanted = image_.wanted;
    std::fill(between_.begin(), between_.end(), Sum(0));
    for (int tap = 0; tap < Taps::kCount; ++tap) {
        const size_t at = size_t(row - rows_.first) * Taps::kCount + size_t(tap);
        const Sum weight = Sum(rows_.weights[at]);
        Sum* sum = between_.data();
        for (int64_t column = left_; column < right_; ++column) {
            const Sample* pixel = &image_.at(rows_.places[at], column, 0);
            for (int c = 0; c < wanted; ++c) *sum++ += Sum(pixel[c]) * weight;
        }
    }
    const size_t count = columns_.places.size() / Taps::kCount;
    for (size_t column = 0; column < count; ++column)
        for (int c = 0; c < wanted; ++c) {
            Sum sum = 0;
            for (size_t at = column * Taps::kCount; at < (column + 1) * Taps::kCount; ++at)
                sum += between_[size_t(columns_.places[at] - left_) * size_t(wanted) + size_t(c)] * Sum(columns_.weights[at]);
            *made++ = float(sum);
        }
}

template class RowEnlarger<double, uint8_t>;
template class RowEnlarger<double, uint16_t>;
template class RowEnlarger<float, float>;

}  // namespace slsc
