#include "schedule/reach.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "ops/spec.hpp"
#include "plan/turn.hpp"

namespace slsc {
namespace {

constexpr Reach kNothing{-1, -1}, kAll{kEverything, kEverything};

Reach most(Reach a, Reach b) { return {std::max(a.rows, b.rows), std::max(a.columns, b.columns)}; }

NodeReach most(const NodeReach& a, const NodeReach& b) { return {most(a.made, b.made), most(a.read, b.read)}; }

int sum(int a, int b) { return a == kEverything || b == kEverything ? kEverything : a + b; }

Reach sum(Reach a, Reach b) { return {sum(a.rows, b.rows), sum(a.columns, b.columns)}; }

Reach bounded(Reach reach) {
    if (reach.rows == kEverything || reach.columns == kEverything) return kAll;
    return {std::min(reach.rows, kMostReach), std::min(reach.columns, kMostReach)};
}

// Pixels of the image between a column that an operation makes and the farthest that it reads of an input.
int reach_across(const Op& op, int input, const Shape& in, const Shape& out, const Axis& from, const Axis& to) {
    int64_t farthest = 0;
    for (int x = 0; x < out.width; ++x) {
        const Columns read = columns_read(op, input, in, out, x);
        if (read.first >= read.end) continue;
        farthest = std::max({farthest, to.at(x) - from.at(read.first), from.at(read.end - 1) - to.at(x)});
    }
    return int(std::min<int64_t>(farthest, kEverything));
}

Shape turned(Shape shape) {
    std::swap(shape.height, shape.width);
    return shape;
}

class Backwards {
public:
    Backwards(const Program& program, const std::vector<Shape>& shapes, const std::vector<Axes>& axes, const Regions& regions)
        : program_(program), shapes_(shapes), axes_(axes), regions_(regions), values_(shapes.size(), {kNothing, kNothing}) {
        values_[program.plan->header.output] = {{kRim, kRim}, {kRim, kRim}};
    }

    // Of the nodes that run with node `leader`, itself being the last: from `first` on.
    NodeReach through(int first, int leader) {
        NodeReach own{kNothing, kNothing};
        for (int i = first; i <= leader; ++i) each_made(program_.nodes[i], [&](int value) { own = most(own, values_[value]); });
        if (own.read.rows < 0) return own;
        if (in_blocks(leader)) {
            for (Reach* each : {&own.made, &own.read}) each->columns = sum(each->columns, shuffled_apart(leader));
            own.made = bounded(own.made);
        } else {
            own.made = own.read;  // is made everywhere, and to be right wherever it is read
        }
        const Reach done = rounded(leader, own.made);
        for (int i = first; i <= leader; ++i)
            for (int input = 0; input < 2; ++input) read(program_.nodes[i].op, input, own.made, done);
        return own;
    }

private:
    bool in_blocks(int node) const { return regions_.grid_of[node] >= 0 && regions_.grids[regions_.grid_of[node]].in_blocks(); }

    // Most between the place of a column that a convolution makes and those of what it is shuffled into.
    int shuffled_apart(int node) const {
        const Op& op = program_.nodes[node].op;
        const std::vector<int>& places = regions_.grids[regions_.grid_of[node]].column_place;
        int64_t apart = 0;
        for (size_t x = 0; x < places.size() * op.conv.shuffle; ++x)
            apart = std::max(apart, std::abs(axes_[op.out][1].at(int64_t(x)) - places[x / op.conv.shuffle]));
        return int(std::min<int64_t>(apart, kEverything));
    }

    // With what is made beside, because whole regions of rows and units of columns are.
    Reach rounded(int node, Reach made) const {
        if (!in_blocks(node) || made.rows == kEverything) return made;
        const Axis& axis = axes_[program_.nodes[node].op.out][1];
        const int rows = (made.rows + regions_.size.rows - 1) / regions_.size.rows * regions_.size.rows;
        const int64_t more = regions_.grids[regions_.grid_of[node]].unit - 1;  // columns
        const int64_t pixels = (more * axis.a * program_.nodes[node].op.conv.shuffle + axis.c - 1) / axis.c;
        return {rows, int(made.columns + pixels + shuffled_apart(node))};
    }

    void read(const Op& op, int input, Reach made, Reach done) {
        const int value = op.in[input];
        if (value < 0) return;
        const Shape &in = shapes_[value], &out = shapes_[op.out];
        if (spec_of(op.type).waits || in.pixel || out.pixel) {
            values_[value] = {kAll, kAll};
            return;
        }
        const Op upright = turned(op);
        const Reach window{reach_across(upright, input, turned(in), turned(out), axes_[value][0], axes_[op.out][0]),
                           reach_across(op, input, in, out, axes_[value][1], axes_[op.out][1])};
        values_[value] = most(values_[value], {sum(made, window), sum(done, window)});
    }

    const Program& program_;
    const std::vector<Shape>& shapes_;
    const std::vector<Axes>& axes_;
    const Regions& regions_;
    std::vector<NodeReach> values_;
};

}  // namespace

std::vector<NodeReach> find_reaches(const Program& program, const std::vector<Shape>& shapes, const std::vector<Axes>& axes,
                                    const Regions& regions) {
    std::vector<NodeReach> reaches(program.nodes.size());
    Backwards backwards(program, shapes, axes, regions);
    for (int leader = int(reaches.size()) - 1; leader >= 0;) {
        int first = leader;
        while (first > 0 && program.nodes[first - 1].leader == leader) --first;
        const NodeReach found = backwards.through(first, leader);
        std::fill(reaches.begin() + first, reaches.begin() + leader + 1, found);
        leader = first - 1;
    }
    return reaches;
}

}  // namespace slsc
