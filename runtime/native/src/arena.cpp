#include "arena.hpp"

#include <algorithm>
#include <numeric>

namespace slsc {
namespace {

struct Life {
    int first, last;  // operations between which the value is needed
    size_t floats;
};

std::vector<Life> lives(const Plan& plan, const std::vector<Shape>& shapes, int lanes) {
    const int ops = int(plan.ops.size());
    std::vector<Life> found(shapes.size(), Life{ops, -1, 0});
    for (int i = 0; i < ops; ++i) {
        const Op& op = plan.ops[i];
        for (int value : {op.in[0], op.in[1], op.out}) {
            if (value < 0) continue;
            found[value].first = std::min(found[value].first, i);
            found[value].last = std::max(found[value].last, i);
        }
    }
    found[plan.header.input].first = -1;
    found[plan.header.output].last = ops;
    for (size_t v = 0; v < shapes.size(); ++v) {
        const Shape& s = shapes[v];
        const size_t floats = size_t(s.channels) * size_t(s.rows) * size_t(s.width) * size_t(lanes);
        found[v].floats = (floats + kGuardFloats - 1) / kGuardFloats * kGuardFloats;
    }
    return found;
}

}  // namespace

Placement place_values(const Plan& plan, const std::vector<Shape>& shapes, int lanes) {
    const std::vector<Life> life = lives(plan, shapes, lanes);
    std::vector<int> order(shapes.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return life[a].floats > life[b].floats; });
    Placement placement;
    placement.offsets.assign(shapes.size(), 0);
    std::vector<int> placed;  // by offset
    size_t end = kGuardFloats;
    for (int v : order) {
        size_t offset = kGuardFloats;
        for (int other : placed) {  // first gap that is free during the value's whole life
            const bool together = life[v].first <= life[other].last && life[other].first <= life[v].last;
            if (!together) continue;
            if (offset + life[v].floats <= placement.offsets[other]) break;
            offset = std::max(offset, placement.offsets[other] + life[other].floats);
        }
        placement.offsets[v] = offset;
        end = std::max(end, offset + life[v].floats);
        const auto before = [&](int a, int b) { return placement.offsets[a] < placement.offsets[b]; };
        placed.insert(std::upper_bound(placed.begin(), placed.end(), v, before), v);
    }
    placement.floats = end + kGuardFloats;
    return placement;
}

}  // namespace slsc
