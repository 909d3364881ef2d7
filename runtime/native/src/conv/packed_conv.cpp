#include "conv/packed_conv.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <tuple>
#include <utility>

#include "conv/packed_tiles.hpp"
#include "memory/layout.hpp"

namespace slsc {
namespace {

// A weight, and where in a block the channel is that it multiplies.
struct Factor {
    int position = 0;
    float weight = 0;
};

// Two weights side by side.
struct Pair {
    Factor low, high;

    bool small(int most) const {
        const float sum = low.weight + high.weight;
        const bool opposite = (low.weight < 0) != (high.weight < 0);
        return opposite || (sum <= float(most) && -sum <= float(most));
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
    Builder(const Plan& plan, const Op& op, const std::vector<Weight>& weights, const PackedTuning& tuning, OutputOrder order)
        : op_(op), order_(order), tuning_(tuning), lanes_(tuning.lanes), pairs_(tuning.channels / 2),
          blocks_(packed_blocks(op.conv.channels, tuning.each(), tuning.lanes)), weights_(weights) {
        made_.by_pixel = order == OutputOrder::ByPixel;
        for (Weight& w : weights_) w.output = place_of(w.output);
        made_.sets = (op.conv.made + lanes_ - 1) / lanes_;
        made_.lines = op.conv.kernel_h * blocks_;
        const size_t outputs = size_t(made_.sets) * lanes_;
        for (std::vector<float>* each : {&made_.bias, &made_.slopes}) each->assign(outputs, 0.0f);
        for (int k = 0; k < op.conv.made; ++k) {
            if (op.conv.bias >= 0) made_.bias[place_of(k)] = plan.floats(op.conv.bias)[k];
            if (op.slopes >= 0) made_.slopes[place_of(k)] = plan.floats(op.slopes)[k];
        }
    }

    PackedWeights build() {
        std::stable_sort(weights_.begin(), weights_.end(), [&](const Weight& a, const Weight& b) { return key(a) < key(b); });
        Iterator at = weights_.cbegin();
        for (int set = 0; set < made_.sets; ++set) {
            std::vector<Tap> taps;
            while (at != weights_.cend() && set_of(*at) == set) at = append(at, taps);
            for (const bool small : {true, false}) {
                made_.first.push_back(uint32_t(made_.places.size()));
                for (const Tap& tap : taps)
                    if ((tuning_.pair_sum && tap.small) == small) write(tap);
            }
        }
        made_.first.push_back(uint32_t(made_.places.size()));
        if (suits_tiles(op_, made_, tuning_)) {
            made_.tiles = tiles_of(op_, made_, weights_, tuning_);
            made_.first = {}, made_.places = {}, made_.taps = {};
        }
        return std::move(made_);
    }

    // Where output k is.
    int place_of(int k) const {
        const int pixels = op_.conv.shuffle * op_.conv.shuffle;
        return order_ == OutputOrder::ByPixel ? k % pixels * (op_.conv.made / pixels) + k / pixels : k;
    }

private:
    using Iterator = std::vector<Weight>::const_iterator;

    struct Tap {
        TapPlace place;
        bool small;
        std::vector<Pair> pairs;  // as many a lane as its channels make
    };

    int set_of(const Weight& w) const { return w.output / lanes_; }
    int block_of(const Weight& w) const { return w.channel / tuning_.reach() * tuning_.registers; }
    int line_of(const Weight& w) const { return w.row * blocks_ + block_of(w); }
    std::tuple<int, int, int, int, int> key(const Weight& w) const {
        return {set_of(w), line_of(w), w.column, w.output, w.channel};
    }

    // Adds to `taps` those of one set, line and column, the first of whose weights is `at`. Returns the first that is of another.
    Iterator append(Iterator at, std::vector<Tap>& taps) const {
        const int set = set_of(*at), line = line_of(*at), column = at->column;
        const auto here = [&](const Weight& w) { return set_of(w) == set && line_of(w) == line && w.column == column; };
        std::vector<std::vector<Factor>> factors(lanes_);
        size_t count = 0;
        for (; at != weights_.cend() && here(*at); ++at) {
            std::vector<Factor>& of_lane = factors[at->output - set * lanes_];
            of_lane.push_back({at->channel % tuning_.reach(), at->value});
            count = std::max(count, (of_lane.size() + tuning_.channels - 1) / tuning_.channels);
        }
        const size_t begin = taps.size();
        taps.resize(begin + count,
                    Tap{{line, column * op_.conv.dilation_w * 4 * lanes_}, true, std::vector<Pair>(pairs_ * lanes_)});
        for (int lane = 0; lane < lanes_; ++lane)
            place(in_pairs(std::move(factors[lane]), pairs_ * count), lane, taps.data() + begin);
        return at;
    }

    // Puts the pairs of a lane into taps, so many into each, in the last of which all lanes have those that are not small.
    void place(const std::vector<Pair>& pairs, int lane, Tap* taps) const {
        size_t first = 0, last = pairs.size();
        for (const Pair& pair : pairs) {
            const bool small = pair.small(tuning_.pair_sum);
            const size_t at = small ? first++ : --last;
            taps[at / pairs_].pairs[pairs_ * lane + at % pairs_] = pair;
            taps[at / pairs_].small &= small;
        }
    }

    void write(const Tap& tap) {
        const size_t vector = 4 * lanes_, begin = made_.places.size() * 2 * vector;
        made_.places.push_back(tap.place);
        made_.taps.resize((begin + 2 * vector + sizeof(CacheLine) - 1) / sizeof(CacheLine), CacheLine{});
        uint8_t *positions = reinterpret_cast<uint8_t*>(made_.taps.data()) + begin, *weights = positions + vector;
        for (const Pair& pair : tap.pairs)
            for (const Factor& factor : {pair.low, pair.high}) {
                const uint16_t position = uint16_t(factor.position);
                std::memcpy(positions, &position, tuning_.each());
                store_weight(factor.weight, tuning_, weights);
                positions += tuning_.each(), weights += tuning_.each();
            }
    }

    const Op& op_;
    const OutputOrder order_;
    const PackedTuning tuning_;
    const int lanes_, pairs_, blocks_;  // pairs: of a lane in a tap
    std::vector<Weight> weights_;
    PackedWeights made_;
};

// `builder`: which made the rest.
void add_scales(const Plan& plan, const IntConvParams& conv, const Builder& builder, const std::vector<Weight>& weights,
                const PackedTuning& tuning, PackedWeights& made) {
    const int32_t zero = zero_of(conv.in, tuning);
    made.start.assign(made.bias.size(), 0);
    made.scale.assign(made.bias.size(), 0.0f);
    const int32_t scales = plan.arrays[conv.conv.weights].scale;
    const bool each = plan.arrays[scales].bytes > sizeof(float);
    for (int k = 0; k < conv.conv.made; ++k) made.scale[builder.place_of(k)] = conv.in.scale * plan.floats(scales)[each ? k : 0];
    for (const Weight& w : weights) made.start[builder.place_of(w.output)] -= zero * int32_t(w.value);
}

}  // namespace

void store_weight(float weight, const PackedTuning& tuning, uint8_t* to) {
    if (tuning.each() == 1) {
        *to = uint8_t(int8_t(weight));
        return;
    }
    uint32_t bits;
    std::memcpy(&bits, &weight, sizeof bits);
    const uint16_t upper = uint16_t(bits >> 16);
    std::memcpy(to, &upper, sizeof upper);
}

std::shared_ptr<const void> prepare_int_conv(const Plan& plan, const Op& op, const std::vector<Weight>& weights,
                                             const PackedTuning& tuning, OutputOrder order) {
    Builder builder(plan, op, weights, tuning, order);
    PackedWeights made = builder.build();
    add_scales(plan, op.int_conv, builder, weights, tuning, made);
    return held_view(std::move(made));
}

std::shared_ptr<const void> prepare_half_conv(const Plan& plan, const Op& op, const std::vector<Weight>& weights,
                                              const PackedTuning& tuning) {
    return held_view(Builder(plan, op, weights, tuning, OutputOrder::AsPlanned).build());
}

double half_conv_cost(const Plan& plan, const Op& op, const std::vector<Weight>& weights, const PackedTuning& tuning) {
    const PackedWeights made = Builder(plan, op, weights, tuning, OutputOrder::AsPlanned).build();
    const double tiles = double(made.tiles.size() * sizeof(CacheLine)) / kTileBytes;
    return tuning.tap_time * double(made.places.size()) + tuning.tile_time * tiles;
}

}  // namespace slsc
