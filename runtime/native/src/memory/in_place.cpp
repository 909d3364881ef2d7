#include "memory/in_place.hpp"

#include <algorithm>
#include <numeric>

namespace slsc {
namespace {

struct Life {
    int first, last;  // nodes between which the value is needed
};

std::vector<Life> lives(const Program& program) {
    const int nodes = int(program.nodes.size());
    std::vector<Life> found(program.values.size(), Life{nodes, -1});
    for (int i = 0; i < nodes; ++i) {
        each_touched(program.nodes[i], [&](int value) {
            found[value].first = std::min(found[value].first, i);
            found[value].last = std::max(found[value].last, i);
        });
    }
    found[program.plan->header.input].first = -1;
    found[program.plan->header.output].last = nodes;
    return found;
}

// By node: the value that its result replaces, -1 for none.
std::vector<int> replaced_values(const Program& program) {
    const std::vector<Life> life = lives(program);
    std::vector<int> replaced(program.nodes.size(), -1);
    for (int i = 0; i < int(program.nodes.size()); ++i) {
        const Op& op = program.nodes[i].op;
        const OpSpec& spec = spec_of(op.type);
        const int operand = spec.in_place ? spec.in_place(op) : -1;
        if (operand < 0) continue;
        const int source = op.in[operand];
        const auto whole = [&](int value, int channel) {
            return channel == 0 && int(program.values[value].channels) == channels_of(op).out;
        };
        const bool last_read = life[source].last == i && life[op.out].first == i;
        const bool alike = program.layout(source) == program.layout(op.out);
        if (alike && last_read && whole(source, op.in_channel[operand]) && whole(op.out, op.out_channel)) replaced[i] = source;
    }
    return replaced;
}

// Keeps values apart where columns that were replaced in one band would be read in the next.
void keep_apart(const Bands& bands, std::vector<int>& replaced) {
    for (const BandStep& step : bands.steps) {
        const Segment& segment = bands.segments[step.segment];
        for (int i = segment.first; i < segment.end; ++i) {
            if (replaced[i] < 0) continue;
            const Columns kept = step.values[value_index(segment, replaced[i])].kept;
            if (kept.first < step.made[i - segment.first].end) replaced[i] = -1;
        }
    }
}

}  // namespace

std::vector<int> shared_places(const Program& program, const Bands& bands) {
    std::vector<int> replaced = replaced_values(program);
    if (!bands.single) keep_apart(bands, replaced);
    std::vector<int> place(program.values.size());
    std::iota(place.begin(), place.end(), 0);
    for (int i = 0; i < int(program.nodes.size()); ++i) {
        const Op& op = program.nodes[i].op;
        const bool neighbours_read = replaced[i] >= 0 && convolves(op) && place[op.in[0]] == place[replaced[i]];
        if (replaced[i] >= 0 && !neighbours_read) place[op.out] = place[replaced[i]];
    }
    return place;
}

}  // namespace slsc
