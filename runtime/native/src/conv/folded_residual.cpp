#include "conv/folded_residual.hpp"

#include <cstddef>

#include "conv/few_outputs.hpp"

namespace slsc {
namespace {

bool adds_own_input(const Op& op) {
    const bool merged = op.array[0] < 0;  // with weights of its own
    if (op.type != OpType::Conv || merged || op.in[0] != op.in[1] || op.in_channel[0] != op.in_channel[1]) return false;
    const Combine combine = Combine(op.p[14]);
    const bool adds = combine == Combine::AddThenAct || (combine == Combine::ActThenAdd && op.act == Act::None);
    return adds && op.p[0] == op.p[1] && op.p[15] == 1 && is_plain(op) && keeps_size(op);
}

}  // namespace

std::vector<bool> take_additions(Plan& plan) {
    std::vector<bool> taken;
    for (Op& op : plan.ops) {
        taken.push_back(adds_own_input(op));
        if (!taken.back()) continue;
        op.p[14] = int(Combine::None);
        op.in[1] = -1;
    }
    return taken;
}

void add_identity(const Op& op, std::vector<Weight>& weights) {
    const int row = op.p[6], column = op.p[7];  // of the weight for the output's own pixel
    std::vector<bool> kept(op.p[1], false);
    for (Weight& w : weights) {
        if (w.output != w.channel || w.row != row || w.column != column) continue;
        w.value += 1.0f;
        kept[w.output] = true;
    }
    for (int k = 0; k < op.p[1]; ++k)
        if (!kept[k]) weights.push_back({k, k, row, column, 1.0f});
}

}  // namespace slsc
