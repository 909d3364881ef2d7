#include "program/by_pixel.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "ops/spec.hpp"

namespace slsc {
namespace {

// Channels of a value.
struct Piece {
    int value, channel, channels;

    bool operator<(const Piece& other) const {
        return std::tie(value, channel, channels) < std::tie(other.value, other.channel, other.channels);
    }
    bool operator==(const Piece& other) const { return !(*this < other) && !(other < *this); }
    bool meets(const Piece& other) const {
        return value == other.value && channel < other.channel + other.channels && other.channel < channel + channels;
    }
};

Piece read_by(const Op& op, int input) {
    const Channels channels = channels_of(op);
    return {op.in[input], op.in_channel[input], input ? channels.in1 : channels.in0};
}

Piece made_by(const Op& op) { return {op.out, op.out_channel, channels_of(op).out}; }

bool convolves_packed(const Op& op) { return op.type == OpType::IntConv || op.type == OpType::HalfConv; }

bool packs(const Op& op) { return op.type == OpType::Quantize || op.type == OpType::Narrow; }

// Whether an operation can read an input by pixel.
bool takes(const Op& op, int input) { return (convolves_packed(op) && input == 1) || (packs(op) && input == 0); }

class Layer {
public:
    explicit Layer(Program& program) : program_(program) {}

    void run() {
        program_.by_pixel.assign(program_.values.size(), false);
        for (Node& node : program_.nodes) {
            take(node);
            const Piece piece = made_by(node.op);
            if (!wanted(node.op, piece)) {
                nodes_.push_back(std::move(node));
                continue;
            }
            const bool strips = read_otherwise(piece);
            const int own = add_value(piece);
            node.op.out = own, node.op.out_channel = 0;
            const int source = node.source;
            nodes_.push_back(std::move(node));
            if (strips) rearrange({own, 0, piece.channels}, piece, source);
        }
        program_.nodes = std::move(nodes_);
        for (size_t i = 0; i < program_.nodes.size(); ++i) program_.nodes[i].leader = int(i);
    }

private:
    // Lets a node read by pixel what it can: what it adds always, what it packs where that lies so.
    void take(Node& node) {
        Op& op = node.op;
        const int input = convolves_packed(op) ? 1 : 0;
        if (!takes(op, input) || op.in[input] < 0 || program_.values[op.in[input]].dtype != DType::F32) return;
        const Piece piece = read_by(op, input);
        auto found = values_.find(piece);
        if (found == values_.end()) {
            if (packs(op)) return;
            const int own = add_value(piece);
            rearrange(piece, {own, 0, piece.channels}, node.source);
            found = values_.find(piece);
        }
        op.in[input] = found->second, op.in_channel[input] = 0;
    }

    // Whether an operation is to make a piece by pixel: where it adds something that lies so, another adds it, or nothing reads strips.
    bool wanted(const Op& op, const Piece& piece) const {
        if (!convolves_packed(op) || op.conv.shuffle > 1 || program_.values[op.out].dtype != DType::F32) return false;
        if (op.in[1] >= 0 || !read_otherwise(piece)) return true;
        return any_reader([&](const Op& reader, int input) {
            return convolves_packed(reader) && takes(reader, input) && read_by(reader, input) == piece;
        });
    }

    bool read_otherwise(const Piece& piece) const {
        if (piece.value == int(program_.plan->header.output)) return true;
        return any_reader([&](const Op& reader, int input) {
            const Piece read = read_by(reader, input);
            return read.meets(piece) && !(takes(reader, input) && read == piece);
        });
    }

    template <typename Is>
    bool any_reader(Is is) const {
        return std::any_of(program_.nodes.begin(), program_.nodes.end(),
                           [&](const Node& node) { return is(node.op, 0) || (node.op.in[1] >= 0 && is(node.op, 1)); });
    }

    int add_value(const Piece& piece) {
        program_.values.push_back({uint32_t(piece.channels), DType::F32});
        program_.by_pixel.push_back(true);
        const int value = int(program_.values.size()) - 1;
        values_[piece] = value;
        return value;
    }

    void rearrange(const Piece& from, const Piece& to, int source) {
        Op op{};
        op.type = OpType::Unary;
        op.unary = {from.channels, -1, -1};
        op.in[0] = from.value, op.in[1] = -1, op.in_channel[0] = from.channel;
        op.out = to.value, op.out_channel = to.channel, op.slopes = -1;
        nodes_.push_back({op, source, {}, false, {}, 0, {}, {}, {}, {}});
    }

    Program& program_;
    std::vector<Node> nodes_;
    std::map<Piece, int> values_;  // by pixel
};

}  // namespace

void lay_by_pixel(Program& program) { Layer(program).run(); }

}  // namespace slsc
