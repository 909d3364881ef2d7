#include "schedule/regions.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "schedule/axes.hpp"
#include "schedule/reach.hpp"

namespace slsc {
namespace {

constexpr int kMostUnit = 4;

int region_count(int pixels, int region) { return (pixels + region - 1) / region; }

// Pixels of the image where those of a value lie, of the `image` that there are.
std::vector<int> places_along(const Axis& axis, int pixels, int image) {
    std::vector<int> found(pixels);
    for (int p = 0; p < pixels; ++p) found[p] = int(std::clamp<int64_t>(axis.at(p), 0, image - 1));
    return found;
}

std::vector<uint16_t> regions_of(const std::vector<int>& places, int region) {
    std::vector<uint16_t> found;
    for (int place : places) found.push_back(uint16_t(place / region));
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

// Where pixels of values lie by the blocks that they are in, whatever padding tells.
std::vector<Axes> in_blocks(std::vector<Axes> axes, const std::vector<int>& blocks, const RegionSize& size) {
    for (size_t value = 0; value < axes.size(); ++value)
        if (blocks[value]) axes[value][0] = {size.rows, 0, blocks[value] * kRegionLanes};
    return axes;
}

RegionGrid make_grid(const Axes& axes, const Shape& out, int shuffle, const RegionSize& size, const Shape& image, bool blocks) {
    RegionGrid grid{{}, {}, places_along(axes[1], out.width / shuffle, image.width), out.rows / shuffle, 1};
    grid.column_region = regions_of(grid.column_place, size.columns);
    if (!blocks) grid.row_region = regions_of(places_along(axes[0], out.height / shuffle, image.height), size.rows);
    grid.unit = std::gcd(axes[1].pixels(size.columns), kMostUnit);
    return grid;
}

}  // namespace

bool RegionGrid::operator==(const RegionGrid& other) const {
    return row_region == other.row_region && column_place == other.column_place && strip_rows == other.strip_rows &&
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
    const std::vector<Axes> axes = find_axes(program, shapes);
    const std::vector<int> blocks = cut_into_blocks(program, axes, size, shapes);
    found.size = size;
    for (const Node& node : program.nodes) {
        const Op& op = node.op;
        const Shape& out = shapes[op.out];
        found.grid_of.push_back(-1);
        if (op.type != OpType::Conv || out.pixel || (node.choices.empty() && !blocks[op.out])) continue;
        const RegionGrid grid =
            make_grid(convolved(axes[op.in[0]], op.conv), out, op.conv.shuffle, size, image, blocks[op.out] > 0);
        const auto same = std::find(found.grids.begin(), found.grids.end(), grid);
        found.grid_of.back() = int(same - found.grids.begin());
        if (same == found.grids.end()) found.grids.push_back(grid);
    }
    const std::vector<Axes> placed = in_blocks(axes, blocks, size);
    const size_t output = program.plan->header.output;
    found.output_rows = places_along(placed[output][0], shapes[output].height, image.height);
    found.output_columns = places_along(placed[output][1], shapes[output].width, image.width);
    found.reaches = find_reaches(program, shapes, placed, found);
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
                const uint8_t given = map[size_t(column) * regions.rows + grid.row_region[row]];
                const uint8_t candidate = given == kLeftOut ? 0 : given;
                chosen.lanes[candidate][size_t(column) * grid.strip_rows + y] |= uint32_t(1) << lane;
            }
    return chosen;
}

}  // namespace slsc
