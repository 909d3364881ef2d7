#include "program/quantized_results.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "conv/folded_bytes.hpp"
#include "memory/layout.hpp"
#include "ops/spec.hpp"

namespace slsc {
namespace {

constexpr int kNone = -1;

// Whether 32 bits hold the sums of a folded pair by bytes: of a lane's channels of every window pixel, times weights of 16 bits.
bool sums_fit(const ConvParams& conv, int lanes) {
    const int64_t products = int64_t(conv.kernel_h) * conv.kernel_w * packed_blocks(conv.channels, 1, lanes) * 4;
    return products * 255 * kMostFoldedWeight <= INT32_MAX;
}

// Takes nodes out.
void drop(Program& program, const std::vector<bool>& gone) {
    std::vector<Node> nodes;
    for (size_t i = 0; i < gone.size(); ++i)
        if (!gone[i]) nodes.push_back(std::move(program.nodes[i]));
    program.nodes = std::move(nodes);
    for (size_t i = 0; i < program.nodes.size(); ++i) program.nodes[i].leader = int(i);
}

bool whole(const Program& program, int value, int channels) { return int(program.values[value].channels) == channels; }

// By value: how often nodes read it; the restored image once more.
std::vector<int> count_readers(const Program& program) {
    std::vector<int> readers(program.values.size(), 0);
    ++readers[program.plan->header.output];
    for (const Node& node : program.nodes)
        for (int value : node.op.in)
            if (value >= 0) ++readers[value];
    return readers;
}

}  // namespace

void quantize_results(Program& program) {
    std::vector<int> maker(program.values.size(), kNone);
    std::vector<bool> gone(program.nodes.size(), false);
    for (size_t i = 0; i < program.nodes.size(); ++i) {
        const Op& op = program.nodes[i].op;
        maker[op.out] = int(i);
        const bool halves = op.type == OpType::Narrow;
        if (op.type != OpType::Quantize && !halves) continue;
        if (program.layout(op.in[0]) != Layout::ByPixel || maker[op.in[0]] < 0) continue;
        Node& made_by = program.nodes[maker[op.in[0]]];
        const OpType maker_type = halves ? OpType::HalfConv : OpType::IntConv;
        if (made_by.op.type != maker_type || int(made_by.quantized.size()) == kMostQuantized) continue;
        if (!whole(program, op.in[0], channels_of(op).in0)) continue;
        if (halves) made_by.quantized.push_back({op.out, op.out_channel, {}, -1, 0});
        else {
            const int first = program.nodes[i].first_factor;
            made_by.quantized.push_back({op.out, op.out_channel, op.quantize.quantization, op.quantize.factors, first});
        }
        gone[i] = true;
    }
    drop(program, gone);
    const std::vector<int> readers = count_readers(program);
    for (Node& node : program.nodes)
        if (node.op.type == OpType::HalfConv && !node.quantized.empty() && readers[node.op.out] == 0)
            node.op.out = node.quantized.front().value, node.op.out_channel = node.quantized.front().channel;
}

void quantize_shuffles(Program& program) {
    std::vector<int> maker(program.values.size(), kNone);
    const std::vector<int> readers = count_readers(program);
    std::vector<bool> gone(program.nodes.size(), false);
    for (size_t i = 0; i < program.nodes.size(); ++i) {
        const Op& op = program.nodes[i].op;
        const int value = op.in[0], channels = op.quantize.channels;
        maker[op.out] = int(i);
        if (op.type != OpType::Quantize || op.quantize.factors >= 0 || maker[value] < 0 || readers[value] != 1) continue;
        Op& made_by = program.nodes[maker[value]].op;
        const bool shuffles = made_by.type == OpType::IntConv && made_by.conv.shuffle > 1 && made_by.conv.combine == Combine::None;
        if (!shuffles || channels % program.lanes() || !whole(program, value, channels)) continue;
        if (channels_of(made_by).out != channels) continue;
        made_by.out = op.out, made_by.out_channel = op.out_channel, made_by.int_conv.out = op.quantize.quantization;
        maker[op.out] = maker[value];
        gone[i] = true;
    }
    drop(program, gone);
}

void fold_bytes(Program& program) {
    if (!program.target.kernels->integers || program.target.candidate == kByRegion) return;
    std::vector<int> maker(program.values.size(), kNone);
    const std::vector<int> readers = count_readers(program);
    std::vector<bool> gone(program.nodes.size(), false);
    for (size_t i = 0; i < program.nodes.size(); ++i) {
        Node& node = program.nodes[i];
        maker[node.op.out] = int(i);
        const int value = node.op.in[0];
        if (!node.pair || maker[value] < 0 || readers[value] != 1) continue;
        const Op& before = program.nodes[maker[value]].op;
        if (before.type != OpType::Dequantize || !whole(program, value, before.dequantize.channels)) continue;
        if (!sums_fit(node.op.conv, program.lanes())) continue;
        node.bytes = before.dequantize.quantization;
        node.op.in[0] = before.in[0], node.op.in_channel[0] = before.in_channel[0];
        gone[size_t(maker[value])] = true;
    }
    drop(program, gone);
}

}  // namespace slsc
