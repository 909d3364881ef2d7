#include "schedule/regions.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>

namespace slsc {
namespace {

constexpr int kMostUnit = 4;
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

    // Pixels of the value in so many of the image; 0 where that is no whole number.
    int pixels(int image) const { return image * c % a == 0 ? int(image * c / a) : 0; }
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
        case OpType::IntConv:
        case OpType::HalfConv: return scaled(convolved(in, op.conv), 1, op.conv.shuffle);
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

// Rows of a value in a region's, of each of kRegionLanes strips; 0 where there are no blocks of it.
int block_rows(const Axes& axes, const Shape& shape, const RegionSize& size) {
    const int rows = axes[0].pixels(size.rows);
    return !shape.pixel && rows % kRegionLanes == 0 ? rows / kRegionLanes : 0;
}

// Whether an operation can make its output in its blocks from inputs in theirs: convolutions, resizing, pooling and padding find
// their rows wherever they lie (convolutions of packed values in strips alone), others where they are themselves.
bool goes_together(const Op& op, const std::vector<Shape>& shapes, const std::vector<int>& blocks) {
    const auto same = [&](int input) {
        return op.in[input] < 0 || shapes[op.in[input]].pixel || blocks[op.in[input]] == blocks[op.out];
    };
    const auto times = [&](int deep, int wide, int by) { return blocks[deep] * by == blocks[wide]; };
    switch (op.type) {
        case OpType::Conv: return blocks[op.out] % op.conv.shuffle == 0 && same(1);
        case OpType::IntConv:
        case OpType::HalfConv: return !blocks[op.in[0]] && !blocks[op.out] && same(1);
        case OpType::Resize:
        case OpType::Pool:
        case OpType::Pad: return true;
        case OpType::DepthToSpace: return times(op.in[0], op.out, op.depth_to_space.block);
        case OpType::SpaceToDepth: return times(op.out, op.in[0], op.space_to_depth.block);
        default: return shapes[op.out].pixel || (same(0) && same(1));
    }
}

// Cuts values into blocks, where all operations can read and make them. By value: see block_rows().
std::vector<int> cut_into_blocks(const Program& program, const std::vector<Axes>& axes, const RegionSize& size,
                                 std::vector<Shape>& shapes) {
    const std::vector<int> none(shapes.size(), 0);
    std::vector<int> blocks = none;
    for (size_t value = 0; value < shapes.size(); ++value)
        if (shapes[value].channels) blocks[value] = block_rows(axes[value], shapes[value], size);
    for (const Node& node : program.nodes)
        if (!goes_together(node.op, shapes, blocks)) return none;
    for (size_t value = 0; value < shapes.size(); ++value) {
        if (!blocks[value]) continue;
        const int rows = blocks[value] * kRegionLanes;  // of all lanes
        shapes[value].block = rows / program.lanes();
        shapes[value].rows = (shapes[value].height + rows - 1) / rows * shapes[value].block;
    }
    return blocks;
}

RegionGrid make_grid(const Axes& axes, const Shape& out, int shuffle, const RegionSize& size, const Regions& map, bool blocks) {
    RegionGrid grid{{}, regions_along(axes[1], out.width / shuffle, size.columns, map.columns), out.rows / shuffle, 1};
    if (!blocks) grid.row_region = regions_along(axes[0], out.height / shuffle, size.rows, map.rows);
    grid.unit = std::gcd(axes[1].pixels(size.columns), kMostUnit);
    return grid;
}

}  // namespace

bool RegionGrid::operator==(const RegionGrid& other) const {
    return row_region == other.row_region && column_region == other.column_region && strip_rows == other.strip_rows &&
           unit == other.unit;
}

std::vector<int> column_units(const Regions& regions) {
    std::vector<int> units;
    if (regions.grids.empty()) return units;
    for (int grid : regions.grid_of) units.push_back(grid < 0 ? 1 : std::max(1, regions.grids[grid].unit));
    return units;
}

Regions find_regions(const Program& program, std::vector<Shape>& shapes, const RegionSize& size) {
    Regions found;
    if (program.target.candidate != kByRegion) return found;
    const Shape& image = shapes[program.plan->header.input];
    found.rows = region_count(image.height, size.rows), found.columns = region_count(image.width, size.columns);
    std::vector<Axes> axes(shapes.size());
    for (const Node& node : program.nodes) {
        const Op& op = node.op;
        axes[op.out] = made_by(op, axes[op.in[0]], op.in[1] >= 0 ? &axes[op.in[1]] : nullptr, shapes[op.in[0]]);
    }
    const std::vector<int> blocks = cut_into_blocks(program, axes, size, shapes);
    for (const Node& node : program.nodes) {
        const Op& op = node.op;
        const Shape& out = shapes[op.out];
        found.grid_of.push_back(-1);
        if (op.type != OpType::Conv || out.pixel || (node.choices.empty() && !blocks[op.out])) continue;
        const RegionGrid grid =
            make_grid(convolved(axes[op.in[0]], op.conv), out, op.conv.shuffle, size, found, blocks[op.out] > 0);
        const auto same = std::find(found.grids.begin(), found.grids.end(), grid);
        found.grid_of.back() = int(same - found.grids.begin());
        if (same == found.grids.end()) found.grids.push_back(grid);
    }
    return found;
}

ChosenLanes chosen_lanes(const Regions& regions, const RegionGrid& grid, const uint8_t* map, int candidates, int lanes) {
    ChosenLanes chosen;
    if (grid.in_blocks()) return chosen;
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
