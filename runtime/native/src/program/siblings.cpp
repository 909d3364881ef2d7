#include "program/siblings.hpp"

#include <algorithm>
#include <cstddef>

#include "conv/geometry.hpp"
#include "conv/taps.hpp"

namespace slsc {
namespace {

constexpr size_t kMost = 8;  // that run with another: each looks at all of them in every step

bool same_input(const Op& a, const Op& b) {
    return a.in[0] == b.in[0] && a.in_channel[0] == b.in_channel[0] && a.conv.channels == b.conv.channels;
}

bool runs_as(const Convolution& convolution, ConvKind kind) { return convolution.variant && convolution.variant->kind == kind; }

// Packs one row at a time, of all channels.
bool goes_by_rows(const Convolution& window) {
    if (!runs_as(window, ConvKind::Taps)) return false;
    const Taps& taps = *static_cast<const Taps*>(window.weights.get());
    return taps.chunk_count == 1 && taps.kernel_rows == 1;
}

// Whether any of these nodes touches a value.
bool touched(const Program& program, size_t first, size_t end, int value) {
    for (size_t i = first; i < end; ++i)
        for (int used : {program.nodes[i].op.in[0], program.nodes[i].op.in[1], program.nodes[i].op.out})
            if (used == value) return true;
    return false;
}

// Whether node `index` may run with `with`. What it makes must be touched later, or would be kept before it is made.
bool suits(const Program& program, size_t index, size_t with) {
    const Node &point = program.nodes[index], &window = program.nodes[with];
    if (with - index > kMost || !runs_as(point.conv, ConvKind::Point) || !goes_by_rows(window.conv)) return false;
    const ConvParams &small = point.op.conv, &large = window.op.conv;
    if (small.groups != 1 || small.shuffle != 1 || large.shuffle != 1 || !same_input(point.op, window.op)) return false;
    if (!is_plain(large) || !keeps_size(large)) return false;
    const int made = point.op.out;
    return !touched(program, index + 1, with + 1, made) && touched(program, with + 1, program.nodes.size(), made);
}

}  // namespace

std::vector<int> sibling_leaders(const std::vector<Program>& programs) {
    const auto all_suit = [&](size_t index, size_t with) {
        return std::all_of(programs.begin(), programs.end(), [&](const Program& program) { return suits(program, index, with); });
    };
    std::vector<int> leaders(programs.front().nodes.size());
    for (size_t i = leaders.size(); i-- > 0;) {
        const size_t next = i + 1 < leaders.size() ? size_t(leaders[i + 1]) : i;
        leaders[i] = int(next > i && all_suit(i, next) ? next : i);
    }
    return leaders;
}

}  // namespace slsc
