#include "program/program.hpp"

#include <utility>

#include "conv/int_conv.hpp"
#include "program/fold_pairs.hpp"
#include "program/fold_residuals.hpp"
#include "program/in_floats.hpp"
#include "program/siblings.hpp"
#include "program/split_joined.hpp"

namespace slsc {
namespace {

// The plan's operations without those that are folded into another.
std::vector<Node> list_nodes(const Plan& plan, double tap_cost) {
    const std::vector<int> firsts = folded_firsts(plan, tap_cost);
    std::vector<bool> folded(firsts.size(), false);  // into a later one
    for (int first : firsts)
        if (first >= 0) folded[first] = true;
    std::vector<Node> nodes;
    for (int i = 0; i < int(firsts.size()); ++i) {
        if (folded[i]) continue;
        Node node{plan.ops[i], i, {}, false, {}, int(nodes.size()), {}};
        if (firsts[i] >= 0) {
            node.pair = FoldedPair{plan.ops[firsts[i]], plan.ops[i]};
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
    const ConvVariant* variant = kernels.conv_variants;
    while (!variant->suits(source, kernels.tuning)) ++variant;
    return {variant, variant->prepare(source, kernels.tuning), kept};
}

Convolution prepare_integers(const Program& program, const Node& node) {
    const std::vector<Weight> weights = kept_integers(*program.plan, node.op, program.target.capacity);
    return {nullptr, prepare_int_conv(*program.plan, node.op, weights, program.lanes()), weights.size()};
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

}  // namespace

std::shared_ptr<const Program> make_program(std::shared_ptr<const Plan> plan, const Target& target) {
    auto program = std::make_shared<Program>();
    program->plan = target.precision == Precision::Float32 ? in_floats(std::move(plan)) : std::move(plan);
    program->target = target;
    program->values = program->plan->values;
    program->nodes = list_nodes(*program->plan, target.kernels->tuning.tap_cost);
    split_joined(*program);
    for (Node& node : program->nodes)
        if (node.op.type == OpType::Conv) node.conv = prepare(*program, node);
        else if (node.op.type == OpType::IntConv) node.conv = prepare_integers(*program, node);
    const std::vector<int> leaders = sibling_leaders(*program);
    for (size_t i = 0; i < leaders.size(); ++i) {
        program->nodes[i].leader = leaders[i];
        if (leaders[i] != int(i)) prepare_sibling(*program, program->nodes[i], program->nodes[leaders[i]]);
    }
    return program;
}

}  // namespace slsc
