#include "program/split_packing.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "ops/spec.hpp"

namespace slsc {
namespace {

// Channels of a value that one node makes.
struct Made {
    int channel, channels;
    OpType packs;  // what the node can do with them besides; None: nothing
};

OpType packs_with(const Op& op) {
    if (op.type == OpType::IntConv && op.conv.shuffle == 1) return OpType::Quantize;
    if (op.type == OpType::HalfConv && op.conv.shuffle == 1) return OpType::Narrow;
    return OpType::None;
}

// By value, in the order of channels.
std::vector<std::vector<Made>> list_made(const Program& program) {
    std::vector<std::vector<Made>> all(program.values.size());
    for (const Node& node : program.nodes)
        all[node.op.out].push_back({node.op.out_channel, channels_of(node.op).out, packs_with(node.op)});
    for (std::vector<Made>& made : all)
        std::sort(made.begin(), made.end(), [](const Made& a, const Made& b) { return a.channel < b.channel; });
    return all;
}

// Those that come to what an operation reads, one behind the other; none where they do not.
std::vector<Made> pieces_of(const Op& op, const std::vector<Made>& made) {
    const int begin = op.in_channel[0], end = begin + channels_of(op).in0;
    std::vector<Made> pieces;
    int next = begin;
    for (const Made& piece : made) {
        if (piece.channel + piece.channels <= begin || piece.channel >= end) continue;
        if (piece.packs != op.type || piece.channel != next) return {};
        next += piece.channels;
        pieces.push_back(piece);
    }
    return next == end ? pieces : std::vector<Made>{};
}

Node share_of(const Node& whole, const Made& piece) {
    Node node = whole;
    const int before = piece.channel - whole.op.in_channel[0];
    node.op.in_channel[0] = piece.channel, node.op.out_channel += before, node.first_factor += before;
    int32_t& channels = node.op.type == OpType::Quantize ? node.op.quantize.channels : node.op.narrow.channels;
    channels = piece.channels;
    return node;
}

}  // namespace

void split_packing(Program& program) {
    if (program.target.candidate == kByRegion) return;
    const std::vector<std::vector<Made>> made = list_made(program);
    std::vector<Node> nodes;
    for (Node& node : program.nodes) {
        const bool packs = node.op.type == OpType::Quantize || node.op.type == OpType::Narrow;
        const std::vector<Made> pieces = packs ? pieces_of(node.op, made[node.op.in[0]]) : std::vector<Made>{};
        if (pieces.size() < 2) nodes.push_back(std::move(node));
        else
            for (const Made& piece : pieces) nodes.push_back(share_of(node, piece));
    }
    program.nodes = std::move(nodes);
    for (size_t i = 0; i < program.nodes.size(); ++i) program.nodes[i].leader = int(i);
}

}  // namespace slsc
