#include "program/program.hpp"

#include <numeric>
#include <tuple>
#include <utility>

#include "conv/folded_bytes.hpp"
#include "conv/packed_conv.hpp"
#include "program/by_pixel.hpp"
#include "program/choose_halves.hpp"
#include "program/fold_pairs.hpp"
#include "program/fold_residuals.hpp"
#include "program/in_floats.hpp"
#include "program/quantized_results.hpp"
#include "program/siblings.hpp"
#include "program/split_joined.hpp"
#include "program/split_packing.hpp"

namespace slsc {
namespace {

// A candidate's operations without those that are folded into another. `firsts`: see folded_firsts.
std::vector<Node> list_nodes(const std::vector<Op>& ops, const std::vector<int>& firsts) {
    std::vector<bool> folded(firsts.size(), false);  // into a later one
    for (int first : firsts)
        if (first >= 0) folded[first] = true;
    std::vector<Node> nodes;
    for (int i = 0; i < int(firsts.size()); ++i) {
        if (folded[i] || ops[i].type == OpType::None) continue;
        Node node{ops[i], i, {}, false, {}, int(nodes.size()), {}, {}, {}, {}};
        if (firsts[i] >= 0) {
            node.pair = FoldedPair{ops[firsts[i]], ops[i]};
            node.op = folded_op(*node.pair);
        } else {
            node.residual = take_residual(node.op);
        }
        nodes.push_back(std::move(node));
    }
    return nodes;
}

// What a node keeps that is no folded pair.
std::vector<Weight> weights_of(const Program& program, const Node& node) {
    std::vector<Weight> weights = kept_weights(*program.plan, node.joined ? node.joined->whole : node.op, program.target.capacity);
    if (!node.joined) return weights;
    std::vector<Weight> part;
    for (Weight weight : weights) {
        weight.channel -= node.joined->channel;
        if (weight.channel >= 0 && weight.channel < node.op.conv.channels) part.push_back(weight);
    }
    return part;
}

// By the first variant that suits it.
Convolution prepare(const Program& program, const Node& node) {
    std::vector<Weight> weights;
    uint64_t kept = node.pair ? folded_weights(*node.pair) : 0;
    if (!node.pair) {
        weights = weights_of(program, node);
        kept = weights.size();
        if (node.residual) add_residual(node.op.conv, weights);
    }
    const FoldedPair* pair = node.pair ? &*node.pair : nullptr;
    const ConvSource source{*program.plan, node.op, pair, program.target.capacity, weights, kept};
    const Kernels& kernels = *program.target.kernels;
    if (node.bytes) return {nullptr, prepare_folded_bytes(source, kernels.tuning, *node.bytes), kept};
    const ConvVariant* variant = kernels.conv_variants;
    while (!variant->suits(source, kernels.tuning)) ++variant;
    return {variant, variant->prepare(source, kernels.tuning), kept};
}

Convolution prepare_integers(const Program& program, const Node& node) {
    const std::vector<Weight> weights = kept_integers(*program.plan, node.op, program.target.capacity);
    const bool shuffles_bytes = node.op.conv.shuffle > 1 && program.layout(node.op.out) == Layout::Bytes;
    const OutputOrder order = shuffles_bytes ? OutputOrder::ByPixel : OutputOrder::AsPlanned;
    const PackedTuning& tuning = program.target.kernels->tuning.integers;
    return {nullptr, prepare_int_conv(*program.plan, node.op, weights, tuning, order), weights.size()};
}

Convolution prepare_halves(const Program& program, const Node& node) {
    const std::vector<Weight> weights = kept_weights(*program.plan, node.op, program.target.capacity);
    return {nullptr, prepare_half_conv(*program.plan, node.op, weights, program.target.kernels->tuning.halves), weights.size()};
}

// A 1x1 convolution as it runs with the node that it follows: as a window of that one's size, of which it has the weights where
// it reads its own pixel.
void prepare_sibling(const Program& program, Node& node, Node& leader) {
    std::vector<Weight> weights = weights_of(program, node);
    leader.conv.macs += weights.size();
    if (node.residual) add_residual(node.op.conv, weights);
    for (Weight& weight : weights) weight.row = leader.op.conv.pad.top, weight.column = leader.op.conv.pad.left;
    Op widened = leader.op;
    widened.conv.made = node.op.conv.made, widened.conv.positions = node.op.conv.positions;
    const ConvSource source{*program.plan, widened, nullptr, program.target.capacity, weights, weights.size()};
    node.conv = {leader.conv.variant, leader.conv.variant->prepare(source, program.target.kernels->tuning), 0};
}

// Pairs that are worth folding for all of these candidates.
std::vector<int> agreed_firsts(const Plan& plan, const std::vector<int>& candidates, double tap_cost) {
    std::vector<int> agreed = folded_firsts(plan, candidates.front(), tap_cost);
    for (int candidate : candidates) {
        const std::vector<int> firsts = folded_firsts(plan, candidate, tap_cost);
        for (size_t i = 0; i < agreed.size(); ++i)
            if (firsts[i] != agreed[i]) agreed[i] = -1;
    }
    return agreed;
}

// The program of one candidate, siblings aside.
Program alone(std::shared_ptr<const Plan> plan, const Target& target, int candidate, const std::vector<int>& firsts) {
    Program program{std::move(plan), target, {}, {}, {}};
    program.values = program.plan->values;
    program.nodes = list_nodes(program.plan->ops_of(candidate), firsts);
    if (target.fastest && program.plan->cheaper.empty()) choose_halves(program);
    split_joined(program);
    split_packing(program);
    lay_by_pixel(program);
    quantize_results(program);
    quantize_shuffles(program);
    fold_bytes(program);
    for (Node& node : program.nodes)
        if (node.op.type == OpType::Conv) node.conv = prepare(program, node);
        else if (node.op.type == OpType::IntConv) node.conv = prepare_integers(program, node);
        else if (node.op.type == OpType::HalfConv) node.conv = prepare_halves(program, node);
    return program;
}

void follow(Program& program, const std::vector<int>& leaders) {
    for (size_t i = 0; i < leaders.size(); ++i) {
        program.nodes[i].leader = leaders[i];
        if (leaders[i] != int(i)) prepare_sibling(program, program.nodes[i], program.nodes[leaders[i]]);
    }
}

bool same_weights(const Op& a, const Op& b) {
    const auto names = [](const Op& op) {
        return std::make_tuple(op.conv.n, op.kept, op.conv.weights, op.conv.positions, op.conv.bias, op.slopes);
    };
    return a.type != OpType::Conv || names(a) == names(b);
}

bool same_weights(const Node& a, const Node& b) {
    if (a.pair) return same_weights(a.pair->first, b.pair->first) && same_weights(a.pair->second, b.pair->second);
    if (a.joined) return same_weights(a.joined->whole, b.joined->whole);
    return same_weights(a.op, b.op);
}

// The last of the candidates' programs, its nodes with the choices of all where those differ.
Program joined(std::vector<Program> programs) {
    Program made = std::move(programs.back());
    programs.pop_back();
    std::vector<bool> differ(made.nodes.size(), false);  // by leader: all that run together
    for (size_t i = 0; i < made.nodes.size(); ++i)
        for (const Program& program : programs)
            if (!same_weights(program.nodes[i], made.nodes[i])) differ[made.nodes[i].leader] = true;
    for (size_t i = 0; i < made.nodes.size(); ++i) {
        Node& node = made.nodes[i];
        if (!differ[node.leader]) continue;
        for (Program& program : programs) node.choices.push_back({program.nodes[i].op, std::move(program.nodes[i].conv)});
        node.choices.push_back({node.op, node.conv});
    }
    return made;
}

}  // namespace

std::shared_ptr<const Program> make_program(std::shared_ptr<const Plan> plan, const Target& target) {
    plan = in_floats(std::move(plan), target.precision);
    std::vector<int> candidates{target.candidate};
    if (target.candidate == kByRegion) {
        candidates.resize(plan->candidates());
        std::iota(candidates.begin(), candidates.end(), 0);
    }
    const std::vector<int> firsts = agreed_firsts(*plan, candidates, target.kernels->tuning.tap_cost);
    std::vector<Program> programs;
    for (int candidate : candidates) programs.push_back(alone(plan, target, candidate, firsts));
    const std::vector<int> leaders = sibling_leaders(programs);
    for (Program& program : programs) follow(program, leaders);
    return std::make_shared<Program>(joined(std::move(programs)));
}

}  // namespace slsc
