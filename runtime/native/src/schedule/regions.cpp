#include "schedule/regions.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>

namespace slsc {
namespace {

constexpr int kMostCell = 12, kLeastCell = 4;
constexpr int64_t kMostExact = int64_t(1) << 30;  // of an Axis' numbers, so that no product overflows

// Where pixel p of a value lies along one axis of the image: at (a p + b) / c.
struct Axis {
    int64_t a = 1, b = 0, c = 1;

    // With smaller numbers; rounded where they do not become small enough, which takes dozens of odd resizings.
    Axis reduced() const {
        Axis axis = *this;
        const int64_t common = std::gcd(std::gcd(axis.a, axis.b), axis.c);
        axis.a /= common, axis.b /= common, axis.c /= common;
        while (std::max({axis.a, std::abs(axis.b), axis.c}) > kMostExact)
            axis.a = std::max<int64_t>(1, axis.a / 2), axis.b /= 2, axis.c = std::max<int64_t>(1, axis.c / 2);
        return axis;
    }

    // Of a value whose pixel p stands for pixel (n p + shift) / d of this one.
    Axis scaled(int64_t n, int64_t shift, int64_t d) const { return Axis{a * n, a * shift + b * d, c * d}.reduced(); }

    int64_t at(int64_t p) const {
        const int64_t numerator = a * p + b;
        return numerator >= 0 ? numerator / c : -((c - 1 - numerator) / c);
    }

    // Pixels of the value in a region of `pixels` of the image, where that is whole and they begin with the image's; else 0.
    int region(int pixels) const { return b == 0 && pixels * c % a == 0 ? int(pixels * c / a) : 0; }
};

using Axes = std::array<Axis, 2>;  // down, across

Axis windowed(const Axis& axis, int kernel, int stride, int before, int dilation) {
    return axis.scaled(stride, (kernel - 1) * dilation / 2 - before, 1);
}

// Of what a convolution makes before its shuffle.
Axes convolved(const Axes& in, const ConvParams& p) {
    return {windowed(in[0], p.kernel_h, p.stride_h, p.pad.top, p.dilation_h),
            windowed(in[1], p.kernel_w, p.stride_w, p.pad.left, p.dilation_w)};
}

Axes scaled(const Axes& in, int64_t n, int64_t d) { return {in[0].scaled(n, 0, d), in[1].scaled(n, 0, d)}; }

// Of what an operation makes. `in1`: of its second input, if there is one.
Axes made_by(const Op& op, const Axes& in, const Axes* in1, const Shape& shape) {
    switch (op.type) {
        case OpType::Conv:
        case OpType::IntConv: return scaled(convolved(in, op.conv), 1, op.conv.shuffle);
        case OpType::Pool: {
            const PoolParams& p = op.pool;
            return {windowed(in[0], p.kernel_h, p.stride_h, p.pad.top, 1), windowed(in[1], p.kernel_w, p.stride_w, p.pad.left, 1)};
        }
        case OpType::Pad:
            return {in[0].scaled(1, -pad_amount(op.pad, &Sides::top, shape.height), 1),
                    in[1].scaled(1, -pad_amount(op.pad, &Sides::left, shape.width), 1)};
        case OpType::Resize: return op.resize.numerator ? scaled(in, op.resize.denominator, op.resize.numerator) : *in1;
        case OpType::DepthToSpace: return scaled(in, 1, op.depth_to_space.block);
        case OpType::SpaceToDepth: return scaled(in, op.space_to_depth.block, 1);
        default: return in;
    }
}

int region_count(int pixels, int region) { return (pixels + region - 1) / region; }

std::vector<uint16_t> regions_along(const Axis& axis, int pixels, int region, int count) {
    std::vector<uint16_t> found(pixels);
    for (int p = 0; p < pixels; ++p) found[p] = uint16_t(std::clamp<int64_t>(axis.at(p) / region, 0, count - 1));
    return found;
}

// The largest size of cells that divides all of `size`; 0 where it is too small.
int cell_of(int size) {
    for (int cell = kMostCell; cell >= kLeastCell; --cell)
        if (size > 0 && size % cell == 0) return cell;
    return 0;
}

RegionGrid make_grid(const Axes& axes, const Shape& out, int shuffle, int region, const Regions& map) {
    RegionGrid grid{regions_along(axes[0], out.height / shuffle, region, map.rows),
                    regions_along(axes[1], out.width / shuffle, region, map.columns), out.rows / shuffle, 0, 0};
    const int rows = axes[0].region(region), columns = axes[1].region(region);
    if (rows > 0 && columns > 0) grid.cell_rows = cell_of(std::gcd(rows, grid.strip_rows)), grid.cell_columns = cell_of(columns);
    if (!grid.cell_rows || !grid.cell_columns) grid.cell_rows = grid.cell_columns = 0;
    return grid;
}

}  // namespace

bool RegionGrid::operator==(const RegionGrid& other) const {
    return row_region == other.row_region && column_region == other.column_region && strip_rows == other.strip_rows &&
           cell_rows == other.cell_rows && cell_columns == other.cell_columns;
}

int strip_cell(const Program& program, int region) {
    return program.target.candidate == kByRegion ? std::max(1, cell_of(region)) : 1;
}

std::vector<int> cell_columns(const Regions& regions) {
    std::vector<int> columns;
    if (regions.grids.empty()) return columns;
    for (int grid : regions.grid_of) columns.push_back(grid < 0 ? 1 : std::max(1, regions.grids[grid].cell_columns));
    return columns;
}

Regions find_regions(const Program& program, const std::vector<Shape>& shapes, int region) {
    Regions found;
    if (program.target.candidate != kByRegion) return found;
    const Shape& image = shapes[program.plan->header.input];
    found.rows = region_count(image.height, region), found.columns = region_count(image.width, region);
    std::vector<Axes> axes(shapes.size());
    for (const Node& node : program.nodes) {
        const Op& op = node.op;
        const Axes& in = axes[op.in[0]];
        const Axes made = made_by(op, in, op.in[1] >= 0 ? &axes[op.in[1]] : nullptr, shapes[op.in[0]]);
        found.grid_of.push_back(-1);
        if (!node.choices.empty() && !shapes[op.out].pixel) {
            const RegionGrid grid = make_grid(convolved(in, op.conv), shapes[op.out], op.conv.shuffle, region, found);
            const auto same = std::find(found.grids.begin(), found.grids.end(), grid);
            found.grid_of.back() = int(same - found.grids.begin());
            if (same == found.grids.end()) found.grids.push_back(grid);
        }
        axes[op.out] = made;
    }
    return found;
}

ChosenLanes chosen_lanes(const Regions& regions, const RegionGrid& grid, const uint8_t* map, int candidates, int lanes) {
    ChosenLanes chosen;
    chosen.lanes.assign(size_t(candidates), std::vector<uint32_t>(size_t(regions.columns) * grid.strip_rows, 0));
    for (int column = 0; column < regions.columns; ++column)
        for (int lane = 0; lane < lanes; ++lane)
            for (int y = 0; y < grid.strip_rows; ++y) {
                const size_t row = size_t(lane) * grid.strip_rows + y;
                if (row >= grid.row_region.size()) break;
                const uint8_t candidate = map[size_t(column) * regions.rows + grid.row_region[row]];
                chosen.lanes[candidate][size_t(column) * grid.strip_rows + y] |= uint32_t(1) << lane;
            }
    return chosen;
}

}  // namespace slsc
