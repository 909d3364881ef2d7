#include "conv/int_conv.hpp"

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>

#include "memory/layout.hpp"

namespace slsc {
namespace {

constexpr int kTogether = 4;  // channels of one lane in a tap

class Builder {
public:
    Builder(const Plan& plan, const Op& op, const std::vector<Weight>& weights, int lanes)
        : plan_(plan), op_(op), lanes_(lanes), blocks_(byte_blocks(op.conv.channels, lanes)), weights_(weights) {
        made_.sets = (op.conv.made + lanes - 1) / lanes;
        made_.lines = op.conv.kernel_h * blocks_;
        const size_t outputs = size_t(made_.sets) * lanes;
        made_.start.assign(outputs, 0);
        for (std::vector<float>* each : {&made_.scale, &made_.bias, &made_.slopes}) each->assign(outputs, 0.0f);
    }

    IntWeights build() {
        scale();
        std::stable_sort(weights_.begin(), weights_.end(), [&](const Weight& a, const Weight& b) { return key(a) < key(b); });
        Iterator at = weights_.cbegin();
        for (int set = 0; set < made_.sets; ++set) {
            made_.first.push_back(uint32_t(made_.places.size()));
            while (at != weights_.cend() && set_of(*at) == set) at = append(at);
        }
        made_.first.push_back(uint32_t(made_.places.size()));
        return std::move(made_);
    }

private:
    using Iterator = std::vector<Weight>::const_iterator;

    int set_of(const Weight& w) const { return w.output / lanes_; }
    int block_of(const Weight& w) const { return w.channel / (4 * lanes_); }
    int line_of(const Weight& w) const { return w.row * blocks_ + block_of(w); }
    std::tuple<int, int, int, int, int> key(const Weight& w) const {
        return {set_of(w), line_of(w), w.column, w.output, w.channel};
    }

    void scale() {
        const IntConvParams& conv = op_.int_conv;
        const Array& scales = plan_.arrays[plan_.arrays[conv.conv.weights].scale];
        const float* scale = plan_.floats(plan_.arrays[conv.conv.weights].scale);
        const bool each = scales.bytes > sizeof(float);
        for (int k = 0; k < conv.conv.made; ++k) {
            made_.scale[k] = conv.in.scale * scale[each ? k : 0];
            if (conv.conv.bias >= 0) made_.bias[k] = plan_.floats(conv.conv.bias)[k];
            if (op_.slopes >= 0) made_.slopes[k] = plan_.floats(op_.slopes)[k];
        }
        for (const Weight& w : weights_) made_.start[w.output] -= conv.in.zero * int32_t(w.value);
    }

    // The taps of one set, line and column, the first of whose weights is `at`. Returns the first that is of another.
    Iterator append(Iterator at) {
        const int set = set_of(*at), line = line_of(*at), column = at->column, vector = 4 * lanes_;
        const size_t begin = made_.places.size();
        const auto here = [&](const Weight& w) { return set_of(w) == set && line_of(w) == line && w.column == column; };
        for (int output = -1, count = 0; at != weights_.cend() && here(*at); ++at) {
            count = at->output == output ? count + 1 : 0;
            output = at->output;
            const size_t tap = begin + size_t(count / kTogether);
            if (tap == made_.places.size()) {
                made_.places.push_back({line, column * op_.conv.dilation_w * vector});
                made_.taps.resize(((tap + 1) * 2 * vector + sizeof(CacheLine) - 1) / sizeof(CacheLine), CacheLine{});
            }
            uint8_t* positions = made_.taps.front().bytes + tap * 2 * vector;
            const int byte = (output - set * lanes_) * kTogether + count % kTogether;
            positions[byte] = uint8_t(at->channel % vector);
            positions[vector + byte] = uint8_t(int8_t(at->value));
        }
        return at;
    }

    const Plan& plan_;
    const Op& op_;
    const int lanes_, blocks_;
    std::vector<Weight> weights_;
    IntWeights made_;
};

}  // namespace

std::shared_ptr<const void> prepare_int_conv(const Plan& plan, const Op& op, const std::vector<Weight>& weights, int lanes) {
    return held_view(Builder(plan, op, weights, lanes).build());
}

}  // namespace slsc
