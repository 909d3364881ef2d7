#include "program/choose_halves.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "conv/packed_conv.hpp"
#include "conv/weights.hpp"
#include "ops/spec.hpp"
#include "program/fold_residuals.hpp"

namespace slsc {
namespace {

// Where channels of a value begin.
struct Piece {
    int value, channel;
};

// Measured, see docs/experiments.md, in FMAs by taps: to round one channel of a pixel that lies in strips.
constexpr double kNarrowCost = 0.5;

class Chooser {
public:
    explicit Chooser(Program& program) : program_(program), maker_(program.values.size(), -1), uses_(program.values.size()) {}

    void run() {
        for (size_t i = 0; i < program_.nodes.size(); ++i) {
            const Node& node = program_.nodes[i];
            maker_[node.op.out] = int(i);
            slower_.push_back(node.op.type == OpType::HalfConv && is_slower(node, narrowing(node)));
            if (node.op.type == OpType::HalfConv && !slower_.back()) uses_[node.op.in[0]].rounded = true;
        }
        for (size_t i = 0; i < program_.nodes.size(); ++i) {
            const Node& node = program_.nodes[i];
            if (node.op.type != OpType::HalfConv) continue;
            Uses& uses = uses_[node.op.in[0]];
            // What is rounded for others anyway would have to lie in strips besides.
            if (slower_[i] && uses.rounded) slower_[i] = is_slower(node, -kNarrowCost * node.op.conv.channels);
            uses.exact |= slower_[i];
        }
        for (size_t i = 0; i < program_.nodes.size(); ++i) {
            const Node& node = program_.nodes[i];
            if (node.op.type == OpType::HalfConv && node.op.in[1] >= 0) uses_[node.op.in[1]].exact |= adds_exact(node, slower_[i]);
        }
        if (std::find(slower_.begin(), slower_.end(), true) != slower_.end()) rewrite();
    }

private:
    // How what was of BF16 is read now.
    struct Uses {
        bool exact = false, rounded = false;
        Piece from{-1, 0};  // what it is the rounded copy of
        int copy = -1;  // the value that holds it rounded, where it does not itself
    };

    bool is_half(int node) const { return node >= 0 && program_.nodes[node].op.type == OpType::HalfConv; }

    double narrowing(const Node& node) const { return is_half(maker_[node.op.in[0]]) ? 0.0 : kNarrowCost * node.op.conv.channels; }

    // By FMAs of a sparse convolution in float32, without what is done either way; `more`: what it takes besides.
    bool is_slower(const Node& node, double more) const {
        const ConvTuning& tuning = program_.target.kernels->tuning;
        const ConvParams& conv = node.op.conv;
        const std::vector<Weight> weights = kept_weights(*program_.plan, node.op, program_.target.capacity);
        const double all = double(conv.made) * (conv.channels / conv.groups) * conv.kernel_h * conv.kernel_w;
        const double floats = std::min(double(weights.size()), all / tuning.tap_cost) / program_.lanes();
        return half_conv_cost(*program_.plan, node.op, weights, tuning.halves) + more >= floats;
    }

    // Whether what a convolution combines its sums with is not to be rounded for it.
    bool adds_exact(const Node& node, bool slower) const { return slower || !uses_[node.op.in[1]].rounded; }

    void rewrite() {
        std::vector<Node> nodes = std::exchange(program_.nodes, {});
        for (size_t i = 0; i < nodes.size(); ++i) {
            Node& node = nodes[i];
            if (node.op.type == OpType::Narrow) narrow(std::move(node));
            else if (node.op.type == OpType::HalfConv) convolve(std::move(node), slower_[i]);
            else program_.nodes.push_back(std::move(node));
        }
        for (size_t i = 0; i < program_.nodes.size(); ++i) program_.nodes[i].leader = int(i);
    }

    void narrow(Node node) {
        Uses& uses = uses_[node.op.out];
        uses.from = {node.op.in[0], node.op.in_channel[0]};
        if (uses.rounded) program_.nodes.push_back(std::move(node));
    }

    void convolve(Node node, bool slower) {
        Op& op = node.op;
        const Uses& read = uses_[op.in[0]];
        if (op.in[1] >= 0) combine(node, uses_[op.in[1]], slower);
        if (slower) {
            if (read.from.value >= 0) op.in[0] = read.from.value, op.in_channel[0] = read.from.channel;
            op.type = OpType::Conv;
            node.residual = take_residual(op);
        } else if (read.copy >= 0) {
            op.in[0] = read.copy;
        }
        const int made = op.out, source = node.source, channels = channels_of(op).out;
        program_.nodes.push_back(std::move(node));
        if (program_.values[made].dtype == DType::BF16 && (slower || uses_[made].exact)) widen(made, channels, source);
    }

    void combine(Node& node, const Uses& other, bool slower) {
        Op& op = node.op;
        if (!adds_exact(node, slower)) op.in[1] = other.copy >= 0 ? other.copy : op.in[1];
        else if (other.from.value >= 0) op.in[1] = other.from.value, op.in_channel[1] = other.from.channel;
    }

    // What a convolution makes becomes F32, and is rounded for those that read it so.
    void widen(int value, int channels, int source) {
        program_.values[value].dtype = DType::F32;
        if (!uses_[value].rounded) return;
        uses_[value].copy = int(program_.values.size());
        program_.values.push_back({uint32_t(channels), DType::BF16});
        Op op{};
        op.type = OpType::Narrow;
        op.narrow = {channels};
        op.in[0] = value, op.in[1] = -1, op.out = uses_[value].copy, op.slopes = -1;
        program_.nodes.push_back({op, source, {}, false, {}, 0, {}, {}, {}, {}});
    }

    Program& program_;
    std::vector<int> maker_;  // by value: node
    std::vector<bool> slower_;  // by node
    std::vector<Uses> uses_;  // by the plan's value
};

}  // namespace

void choose_halves(Program& program) { Chooser(program).run(); }

}  // namespace slsc
