#include "program/split_quantizing.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "ops/spec.hpp"

namespace slsc {
namespace {

// Channels of a value that one node makes.
struct Made {
    int channel, channels;
    bool quantizes;  // the node can, too
};

bool can_quantize(const Op& op) { return op.type == OpType::IntConv && op.conv.shuffle == 1; }

// By value, in the order of channels.
std::vector<std::vector<Made>> list_made(const Program& program) {
    std::vector<std::vector<Made>> all(program.values.size());
    for (const Node& node : program.nodes)
        all[node.op.out].push_back({node.op.out_channel, channels_of(node.op).out, can_quantize(node.op)});
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
        if (!piece.quantizes || piece.channel != next) return {};
        next += piece.channels;
        pieces.push_back(piece);
    }
    return next == end ? pieces : std::vector<Made>{};
}

Node share_of(const Node& whole, const Made& piece) {
    Node node = whole;
    const int before = piece.channel - whole.op.in_channel[0];
    node.op.in_channel[0] = piece.channel, node.op.out_channel += before, node.first_factor += before;
    node.op.quantize.channels = piece.channels;
    return node;
}

}  // namespace

void split_quantizing(Program& program) {
    if (program.target.candidate == kByRegion) return;
    const std::vector<std::vector<Made>> made = list_made(program);
    std::vector<Node> nodes;
    for (Node& node : program.nodes) {
        const bool packs = node.op.type == OpType::Quantize;
        const std::vector<Made> pieces = packs ? pieces_of(node.op, made[node.op.in[0]]) : std::vector<Made>{};
        if (pieces.size() < 2) nodes.push_back(std::move(node));
        else for (const Made& piece : pieces) nodes.push_back(share_of(node, piece));
    }
    program.nodes = std::move(nodes);
    for (size_t i = 0; i < program.nodes.size(); ++i) program.nodes[i].leader = int(i);
}

}  // namespace slsc
