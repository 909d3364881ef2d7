#include "conv/int_conv.hpp"

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>

#include "memory/layout.hpp"

namespace slsc {
namespace {

// A weight, and where in a block the byte is that it multiplies.
struct Factor {
    int position = 0, weight = 0;
};

// Two weights side by side.
struct Pair {
    Factor low, high;

    bool small(int most) const {
        const int sum = low.weight + high.weight;
        const bool opposite = (low.weight < 0) != (high.weight < 0);
        return opposite || (sum <= most && -sum <= most);
    }
};

// Each large weight beside the most opposite one, or beside none where there is room; so many pairs.
std::vector<Pair> in_pairs(std::vector<Factor> factors, size_t count) {
    factors.resize(2 * count);
    std::sort(factors.begin(), factors.end(), [](const Factor& a, const Factor& b) { return a.weight < b.weight; });
    std::vector<Pair> pairs;
    for (size_t i = 0; i < count; ++i) pairs.push_back({factors[i], factors[2 * count - 1 - i]});
    return pairs;
}

class Builder {
public:
    Builder(const Plan& plan, const Op& op, const std::vector<Weight>& weights, const IntTuning& tuning, OutputOrder order)
        : plan_(plan), op_(op), pair_sum_(tuning.pair_sum), lanes_(tuning.lanes),
          blocks_(byte_blocks(op.conv.channels, tuning.lanes)), weights_(weights) {
        made_.by_pixel = order == OutputOrder::ByPixel;
        for (Weight& w : weights_) w.output = place_of(w.output);
        made_.sets = (op.conv.made + lanes_ - 1) / lanes_;
        made_.lines = op.conv.kernel_h * blocks_;
        const size_t outputs = size_t(made_.sets) * lanes_;
        made_.start.assign(outputs, 0);
        for (std::vector<float>* each : {&made_.scale, &made_.bias, &made_.slopes}) each->assign(outputs, 0.0f);
    }

    IntWeights build() {
        scale();
        std::stable_sort(weights_.begin(), weights_.end(), [&](const Weight& a, const Weight& b) { return key(a) < key(b); });
        Iterator at = weights_.cbegin();
        for (int set = 0; set < made_.sets; ++set) {
            std::vector<Tap> taps;
            while (at != weights_.cend() && set_of(*at) == set) at = append(at, taps);
            for (const bool small : {true, false}) {
                made_.first.push_back(uint32_t(made_.places.size()));
                for (const Tap& tap : taps)
                    if ((pair_sum_ && tap.small) == small) write(tap);
            }
        }
        made_.first.push_back(uint32_t(made_.places.size()));
        return std::move(made_);
    }

private:
    using Iterator = std::vector<Weight>::const_iterator;

    struct Tap {
        TapPlace place;
        bool small;
        std::vector<Pair> pairs;  // two a lane
    };

    // Where output k is.
    int place_of(int k) const {
        const int pixels = op_.conv.shuffle * op_.conv.shuffle;
        return made_.by_pixel ? k % pixels * (op_.conv.made / pixels) + k / pixels : k;
    }
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
            const int place = place_of(k);
            made_.scale[place] = conv.in.scale * scale[each ? k : 0];
            if (conv.conv.bias >= 0) made_.bias[place] = plan_.floats(conv.conv.bias)[k];
            if (op_.slopes >= 0) made_.slopes[place] = plan_.floats(op_.slopes)[k];
        }
        for (const Weight& w : weights_) made_.start[w.output] -= conv.in.zero * int32_t(w.value);
    }

    // Adds to `taps` those of one set, line and column, the first of whose weights is `at`. Returns the first that is of another.
    Iterator append(Iterator at, std::vector<Tap>& taps) const {
        const int set = set_of(*at), line = line_of(*at), column = at->column;
        const auto here = [&](const Weight& w) { return set_of(w) == set && line_of(w) == line && w.column == column; };
        std::vector<std::vector<Factor>> factors(lanes_);
        size_t count = 0;
        for (; at != weights_.cend() && here(*at); ++at) {
            std::vector<Factor>& of_lane = factors[at->output - set * lanes_];
            of_lane.push_back({at->channel % (4 * lanes_), int(at->value)});
            count = std::max(count, (of_lane.size() + 3) / 4);
        }
        const size_t begin = taps.size();
        taps.resize(begin + count, Tap{{line, column * op_.conv.dilation_w * 4 * lanes_}, true, std::vector<Pair>(2 * lanes_)});
        for (int lane = 0; lane < lanes_; ++lane) place(in_pairs(std::move(factors[lane]), 2 * count), lane, taps.data() + begin);
        return at;
    }

    // Puts the pairs of a lane into taps, two into each, in the last of which all lanes have those that are not small.
    void place(const std::vector<Pair>& pairs, int lane, Tap* taps) const {
        size_t first = 0, last = pairs.size();
        for (const Pair& pair : pairs) {
            const bool small = pair.small(pair_sum_);
            const size_t at = small ? first++ : --last;
            taps[at / 2].pairs[2 * lane + at % 2] = pair;
            taps[at / 2].small &= small;
        }
    }

    void write(const Tap& tap) {
        const size_t vector = 4 * lanes_, begin = made_.places.size() * 2 * vector;
        made_.places.push_back(tap.place);
        made_.taps.resize((begin + 2 * vector + sizeof(CacheLine) - 1) / sizeof(CacheLine), CacheLine{});
        uint8_t *positions = made_.taps.front().bytes + begin, *weights = positions + vector;
        for (const Pair& pair : tap.pairs)
            for (const Factor& factor : {pair.low, pair.high})
                *positions++ = uint8_t(factor.position), *weights++ = uint8_t(int8_t(factor.weight));
    }

    const Plan& plan_;
    const Op& op_;
    const int pair_sum_, lanes_, blocks_;
    std::vector<Weight> weights_;
    IntWeights made_;
};

}  // namespace

std::shared_ptr<const void> prepare_int_conv(const Plan& plan, const Op& op, const std::vector<Weight>& weights,
                                             const IntTuning& tuning, OutputOrder order) {
    return held_view(Builder(plan, op, weights, tuning, order).build());
}

}  // namespace slsc
