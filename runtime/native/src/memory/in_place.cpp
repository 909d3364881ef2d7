#include "memory/in_place.hpp"

#include <algorithm>
#include <numeric>

namespace slsc {
namespace {

struct Life {
    int first, last;  // operations between which the value is needed
};

std::vector<Life> lives(const Plan& plan) {
    const int ops = int(plan.ops.size());
    std::vector<Life> found(plan.values.size(), Life{ops, -1});
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
    return found;
}

// The input in whose place an operation's result may lie, because each of its elements is read last where the result is
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

// By operation: the value that its result replaces, -1 for none.
std::vector<int> replaced_values(const Plan& plan) {
    const std::vector<Life> life = lives(plan);
    std::vector<int> replaced(plan.ops.size(), -1);
    for (int i = 0; i < int(plan.ops.size()); ++i) {
        const Op& op = plan.ops[i];
        const int operand = operand_in_place(op);
        if (operand < 0) continue;
        const int source = op.in[operand];
        const auto whole = [&](int value, int channel) {
            return channel == 0 && int(plan.values[value].channels) == channels_of(op).out;
        };
        const bool last_read = life[source].last == i && life[op.out].first == i;
        if (last_read && whole(source, op.in_channel[operand]) && whole(op.out, op.out_channel)) replaced[i] = source;
    }
    return replaced;
}

// Keeps values apart where columns that were replaced in one band would be read in the next.
void keep_apart(Bands& bands, std::vector<int>& replaced) {
    for (const Bands::Segment& segment : bands.segments())
        while (bands.step(segment))
            for (int i = segment.first; i < segment.end; ++i)
                if (replaced[i] >= 0 && bands.kept(replaced[i]).first < bands.made(i).end) replaced[i] = -1;
    bands.restart();
}

}  // namespace

std::vector<int> shared_places(const Plan& plan, Bands& bands) {
    std::vector<int> replaced = replaced_values(plan);
    if (!bands.single()) keep_apart(bands, replaced);
    std::vector<int> place(plan.values.size());
    std::iota(place.begin(), place.end(), 0);
    for (int i = 0; i < int(plan.ops.size()); ++i) {
        const Op& op = plan.ops[i];
        const bool neighbours_read = replaced[i] >= 0 && op.type == OpType::Conv && place[op.in[0]] == place[replaced[i]];
        if (replaced[i] >= 0 && !neighbours_read) place[op.out] = place[replaced[i]];
    }
    return place;
}

}  // namespace slsc
