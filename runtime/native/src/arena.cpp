#include "arena.hpp"

#include <algorithm>
#include <numeric>

namespace slsc {
namespace {

struct Life {
    int first, last;  // operations between which the value is needed
    size_t floats;
};

// The value whose place an operation's result may take, because each of its elements is read last where the result is
// written: the operand of a pointwise operation, or what a convolution adds or multiplies to its sums. -1 for none.
int operand_in_place(const Op& op) {
    switch (op.type) {
        case OpType::Conv: return op.p[14] != int(Combine::None) && op.in[0] != op.in[1] ? 1 : -1;
        case OpType::Unary: return 0;
        // A channel that spreads over all others is read after it was overwritten.
        case OpType::Binary: return op.in[0] == op.in[1] && Spread(op.p[2]) == Spread::Channel ? -1 : 0;
        default: return -1;
    }
}

// By value: the value whose place it shares, itself for most.
std::vector<int> shared_places(const Plan& plan, const std::vector<Life>& life) {
    std::vector<int> place(plan.values.size());
    std::iota(place.begin(), place.end(), 0);
    for (int i = 0; i < int(plan.ops.size()); ++i) {
        const Op& op = plan.ops[i];
        const int operand = operand_in_place(op);
        if (operand < 0) continue;
        const int source = op.in[operand];
        const auto whole = [&](int value, int channel) {
            return channel == 0 && int(plan.values[value].channels) == channels_of(op).out;
        };
        const bool last_read = life[source].last == i && life[op.out].first == i;
        const bool neighbours_read = op.type == OpType::Conv && place[op.in[0]] == place[source];
        if (last_read && !neighbours_read && whole(source, op.in_channel[operand]) && whole(op.out, op.out_channel))
            place[op.out] = place[source];
    }
    return place;
}

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
    std::vector<Life> life = lives(plan, shapes, lanes);
    const std::vector<int> place = shared_places(plan, life);
    std::vector<int> order;
    for (int v = 0; v < int(shapes.size()); ++v) {
        if (place[v] == v) order.push_back(v);
        life[place[v]].first = std::min(life[place[v]].first, life[v].first);
        life[place[v]].last = std::max(life[place[v]].last, life[v].last);
    }
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
    for (size_t v = 0; v < shapes.size(); ++v) placement.offsets[v] = placement.offsets[place[v]];
    placement.floats = end + kGuardFloats;
    return placement;
}

}  // namespace slsc
