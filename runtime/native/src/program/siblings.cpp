#include "program/siblings.hpp"

#include <cstddef>

#include "conv/few_outputs.hpp"

namespace slsc {
namespace {

constexpr size_t kMost = 8;  // that run with another: each looks at all of them in every step

bool same_input(const Op& a, const Op& b) {
    return a.in[0] == b.in[0] && a.in_channel[0] == b.in_channel[0] && a.p[0] == b.p[0];
}

// Packs one row at a time, of all channels.
bool goes_by_rows(const Convolution& window) {
    return window.taps.chunks.size() == 1 && window.taps.kernel_rows == 1 && !window.taps.direct;
}

// Whether any of these operations touches a value.
bool touched(const Plan& plan, size_t first, size_t end, int value) {
    for (size_t i = first; i < end; ++i)
        for (int used : {plan.ops[i].in[0], plan.ops[i].in[1], plan.ops[i].out})
            if (used == value) return true;
    return false;
}

// Whether operation `index` may run with `with`. What it makes must be touched later, or would be kept before it is made.
bool suits(const Plan& plan, const std::vector<Convolution>& convolutions, size_t index, size_t with) {
    const Op &point = plan.ops[index], &window = plan.ops[with];
    if (with - index > kMost) return false;
    if (point.type != OpType::Conv || window.type != OpType::Conv || !convolutions[index].taps.direct) return false;
    if (point.p[12] != 1 || point.p[15] != 1 || window.p[15] != 1 || !same_input(point, window)) return false;
    if (!is_plain(window) || !keeps_size(window) || !goes_by_rows(convolutions[with])) return false;
    return !touched(plan, index + 1, with + 1, point.out) && touched(plan, with + 1, plan.ops.size(), point.out);
}

}  // namespace

std::vector<int> run_beside(const Plan& plan, const std::vector<Convolution>& convolutions) {
    std::vector<int> with(plan.ops.size());
    for (size_t i = plan.ops.size(); i-- > 0;) {
        const size_t next = i + 1 < plan.ops.size() ? size_t(with[i + 1]) : i;
        with[i] = int(next > i && suits(plan, convolutions, i, next) ? next : i);
    }
    return with;
}

}  // namespace slsc
