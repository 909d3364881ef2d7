#include "schedule/needed.hpp"

#include <algorithm>
#include <cstddef>

namespace slsc {
namespace {

// 1 for regions that have one which is wanted at most `around` rows away.
std::vector<uint8_t> near_wanted(const Regions& regions, const uint8_t* map, int around) {
    std::vector<uint8_t> found(size_t(regions.rows) * regions.columns, 0);
    for (int column = 0; column < regions.columns; ++column)
        for (int row = 0; row < regions.rows; ++row) {
            const size_t of_column = size_t(column) * regions.rows;
            if (map[of_column + row] == kLeftOut) continue;
            const int first = std::max(0, row - around), end = std::min(regions.rows, row + around + 1);
            std::fill(found.begin() + ptrdiff_t(of_column) + first, found.begin() + ptrdiff_t(of_column) + end, uint8_t(1));
        }
    return found;
}

}  // namespace

Needed::Needed(const Regions& regions, const uint8_t* map) : regions_(regions), map_(map) {
    const uint8_t* end = map ? map + size_t(regions.rows) * regions.columns : nullptr;
    if (std::find(map, end, kLeftOut) == end) return;
    for (const NodeReach& node : regions.reaches)
        for (const Reach& reach : {node.made, node.read}) {
            std::vector<uint8_t>& wanted = wanted_[rows_around(reach)];
            if (wanted.empty()) wanted = near_wanted(regions, map, rows_around(reach));
        }
}

int Needed::rows_around(const Reach& reach) const {
    const int64_t rows = std::max(0, reach.rows);
    return int(std::min<int64_t>((rows + regions_.size.rows - 1) / regions_.size.rows, regions_.rows));
}

bool Needed::within(const Reach& reach, int row, Columns columns) const {
    if (reach.rows < 0) return false;
    if (reach.rows == kEverything || reach.columns == kEverything) return true;
    const int64_t side = regions_.size.columns;
    const int64_t first = std::max(0, columns.first - reach.columns) / side;
    const int64_t end = std::min<int64_t>(regions_.columns, (int64_t(columns.end) - 1 + reach.columns) / side + 1);
    const std::vector<uint8_t>& wanted = wanted_.at(rows_around(reach));
    for (int64_t column = first; column < end; ++column)
        if (wanted[size_t(column * regions_.rows + row)]) return true;
    return false;
}

Need Needed::of(int node, int row, Columns columns) const {
    if (everything()) return Need::Pixels;
    const NodeReach& reach = regions_.reaches[node];
    if (within(reach.made, row, columns)) return Need::Pixels;
    return within(reach.read, row, columns) ? Need::Zeros : Need::Nothing;
}

bool Needed::wanted(int row, int column) const {
    const int rows = regions_.size.rows, columns = regions_.size.columns;
    const int last_row = std::min(regions_.rows - 1, (row + kRim) / rows);
    const int last_column = std::min(regions_.columns - 1, (column + kRim) / columns);
    for (int x = std::max(0, column - kRim) / columns; x <= last_column; ++x)
        for (int y = std::max(0, row - kRim) / rows; y <= last_row; ++y)
            if (map_[size_t(x) * regions_.rows + y] != kLeftOut) return true;
    return false;
}

}  // namespace slsc
