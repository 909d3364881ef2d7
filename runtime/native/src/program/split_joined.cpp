#include "program/split_joined.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "conv/geometry.hpp"
#include "ops/spec.hpp"
#include "schedule/shapes.hpp"
#include "support/error.hpp"

namespace slsc {
namespace {

constexpr int kFar = 48;        // columns of the image; nearer ones are still in the cache when the last is made
constexpr int kNominal = 1920;  // a side of an image that strides of all kinds divide

// Channels [channel, channel + channels) of a value.
struct Range {
    int channel, channels;

    bool within(const Range& other) const {
        return channel >= other.channel && channel + channels <= other.channel + other.channels;
    }
};

Range read_range(const Op& op, int input) {
    const Channels channels = channels_of(op);
    return {op.in_channel[input], input ? channels.in1 : channels.in0};
}

// A value of which several nodes make channels, and the convolution that reads them all.
struct Joined {
    int value;
    int reader;                // node
    std::vector<int> writers;  // nodes, in order
};

Range made_range(const Op& op) { return {op.out_channel, channels_of(op).out}; }

bool splits(const Node& node) {
    const ConvParams& conv = node.op.conv;
    return node.op.type == OpType::Conv && !node.pair && !node.residual && is_point(conv) && conv.groups == 1 &&
           conv.shuffle == 1 && conv.combine == Combine::None;
}

class Splitter {
public:
    explicit Splitter(Program& program) : program_(program), nodes_(program.nodes) {}

    void run() {
        const std::vector<Joined> all = list_joined();
        std::vector<double> behind;
        for (const Joined& joined : all) {
            if (behind.empty()) behind = columns_behind();
            if (behind.empty()) return;  // the network does not take the nominal size
            if (far_apart(joined, behind)) split(joined);
        }
        if (!after_.empty()) reorder();
    }

private:
    std::vector<Joined> list_joined() const {
        const size_t values = program_.values.size();
        std::vector<std::vector<int>> writers(values), readers(values);
        for (int i = 0; i < int(nodes_.size()); ++i) {
            writers[nodes_[i].op.out].push_back(i);
            for (int value : {nodes_[i].op.in[0], nodes_[i].op.in[1]})
                if (value >= 0) readers[value].push_back(i);
        }
        const Header& header = program_.plan->header;
        std::vector<Joined> found;
        for (int value = 0; value < int(values); ++value) {
            if (value == int(header.input) || value == int(header.output) || writers[value].size() < 2) continue;
            if (const std::optional<int> reader = only_reader(value, writers[value], readers[value]))
                found.push_back({value, *reader, writers[value]});
        }
        return found;
    }

    // The convolution that reads all that was written, when every other reader reads a part.
    std::optional<int> only_reader(int value, const std::vector<int>& writers, const std::vector<int>& readers) const {
        int made = 0;
        for (int writer : writers) made += made_range(nodes_[writer].op).channels;
        std::optional<int> whole;
        for (int reader : readers) {
            const Op& op = nodes_[reader].op;
            for (int input = 0; input < 2; ++input) {
                if (op.in[input] != value) continue;
                const Range range = read_range(op, input);
                if (std::any_of(writers.begin(), writers.end(),
                                [&](int writer) { return range.within(made_range(nodes_[writer].op)); }))
                    continue;
                if (whole || input || range.channels != made || !splits(nodes_[reader])) return {};
                whole = reader;
            }
        }
        return whole;
    }

    // By node: columns of the image that must have been read beyond a column before that is made; empty if it cannot be told.
    std::vector<double> columns_behind() const {
        std::vector<Shape> shapes;
        try {
            shapes = infer_shapes(program_, kNominal, kNominal);
        } catch (const Error&) {
            return {};
        }
        std::vector<double> value(program_.values.size(), 0.0), node;
        for (const Node& each : nodes_) {
            const Op& op = each.op;
            const Shape& out = shapes[op.out];
            double most = 0.0;
            for (int input = 0; input < 2; ++input) {
                if (op.in[input] < 0) continue;
                const Shape& in = shapes[op.in[input]];
                const Columns read = columns_read(op, input, in, out, out.width / 2);
                if (read.first >= read.end) continue;
                const double ahead = double(kNominal) * read.end / in.width - double(kNominal) * (out.width / 2 + 1) / out.width;
                most = std::max(most, value[op.in[input]] + ahead);
            }
            node.push_back(most);
            value[op.out] = std::max(value[op.out], most);
        }
        return node;
    }

    static bool far_apart(const Joined& joined, const std::vector<double>& behind) {
        double least = behind[joined.writers.front()], most = least;
        for (int writer : joined.writers) least = std::min(least, behind[writer]), most = std::max(most, behind[writer]);
        return most - least > kFar;
    }

    int add_value(int channels) {
        program_.values.push_back({uint32_t(channels), DType::F32});
        return int(program_.values.size()) - 1;
    }

    void split(const Joined& joined) {
        if (after_.empty()) after_.resize(nodes_.size()), gone_.resize(nodes_.size(), false);
        gone_[joined.reader] = true;
        const Op whole = nodes_[joined.reader].op;
        int sum = -1;
        for (int writer : joined.writers) {
            const Range part = made_range(nodes_[writer].op);
            const int value = add_value(part.channels);
            const bool last = writer == joined.writers.back();
            rename(joined.value, part, value);
            Node node{whole, nodes_[joined.reader].source, {}, false, {}, 0, {}, {}, {}, {}};
            node.joined = JoinedPart{whole, part.channel - whole.in_channel[0]};
            node.op.conv.channels = part.channels, node.op.conv.n = 0, node.op.conv.positions = -1;
            node.op.in[0] = value, node.op.in_channel[0] = 0;
            if (sum >= 0) node.op.conv.combine = Combine::AddThenAct, node.op.in[1] = sum, node.op.in_channel[1] = 0;
            if (!last) {
                node.op.out = sum = add_value(whole.conv.made), node.op.out_channel = 0;
                node.op.act = Act::None, node.op.slopes = -1, node.op.conv.bias = -1;
            }
            after_[writer].push_back(std::move(node));
        }
    }

    // Channels of a value become one of their own, for all nodes but the convolution of all.
    void rename(int value, const Range& part, int own) {
        const auto apply = [&](Node& node) {
            for (int input = 0; input < 2; ++input)
                if (node.op.in[input] == value && read_range(node.op, input).within(part))
                    node.op.in[input] = own, node.op.in_channel[input] -= part.channel;
            if (node.op.out == value && made_range(node.op).within(part)) node.op.out = own, node.op.out_channel -= part.channel;
        };
        for (Node& node : nodes_) apply(node);
        for (std::vector<Node>& nodes : after_)
            for (Node& node : nodes) apply(node);
    }

    void reorder() {
        std::vector<Node> nodes;
        for (size_t i = 0; i < nodes_.size(); ++i) {
            if (!gone_[i]) nodes.push_back(std::move(nodes_[i]));
            for (Node& node : after_[i]) nodes.push_back(std::move(node));
        }
        nodes_ = std::move(nodes);
    }

    Program& program_;
    std::vector<Node>& nodes_;
    std::vector<std::vector<Node>> after_;  // by node, those that follow it
    std::vector<bool> gone_;
};

}  // namespace

void split_joined(Program& program) { Splitter(program).run(); }

}  // namespace slsc
