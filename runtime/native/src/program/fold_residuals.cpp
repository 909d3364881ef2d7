#include "program/fold_residuals.hpp"

#include <cstddef>

#include "conv/geometry.hpp"

namespace slsc {

bool take_residual(Op& op) {
    if (op.type != OpType::Conv || op.in[0] != op.in[1] || op.in_channel[0] != op.in_channel[1]) return false;
    const ConvParams& conv = op.conv;
    const bool adds = conv.combine == Combine::AddThenAct || (conv.combine == Combine::ActThenAdd && op.act == Act::None);
    const bool alike = conv.channels == conv.made && conv.shuffle == 1 && is_plain(conv) && keeps_size(conv);
    if (!adds || !alike) return false;
    op.conv.combine = Combine::None;
    op.in[1] = -1;
    return true;
}

void add_residual(const ConvParams& conv, std::vector<Weight>& weights) {
    const int row = conv.pad.top, column = conv.pad.left;  // of the weight for the output's own pixel
    std::vector<bool> kept(conv.made, false);
    for (Weight& w : weights) {
        if (w.output != w.channel || w.row != row || w.column != column) continue;
        w.value += 1.0f;
        kept[w.output] = true;
    }
    for (int k = 0; k < conv.made; ++k)
        if (!kept[k]) weights.push_back({k, k, row, column, 1.0f});
}

}  // namespace slsc
