#include "conv/folded_pair.hpp"

#include <algorithm>
#include <cstddef>

#include "conv/few_outputs.hpp"
#include "memory/layout.hpp"
#include "conv/weights.hpp"

namespace slsc {
namespace {

constexpr int kMaxWindow = 7, kMaxMergedShuffle = 4;
constexpr uint64_t kMaxWeights = 1 << 22, kMaxMergedWeights = 1 << 18;  // keep the time and memory that merging takes low
constexpr int kSteps = 3;  // from an output pixel to the pixel of the first's result that a tap reads: -1, 0, 1

// The windows of both convolutions along one axis, which the merged one has before the shuffle.
struct Axis {
    int r, first, before_first, second, before_second;

    Axis(const Pair& pair, int axis)
        : r(pair.first.p[15]), first(pair.first.p[2 + axis]), before_first(pair.first.p[6 + axis]),
          second(pair.second.p[2 + axis]), before_second(pair.second.p[6 + axis]) {}

    // Of the pixels that output pixel d, 0 .. r - 1, of the shuffle reads by tap t.
    int step(int d, int t) const { return floor_div(d + t - before_second, r); }
    int part(int d, int t) const { return d + t - before_second - step(d, t) * r; }

    int low(int d) const { return step(d, 0) - before_first; }
    int high(int d) const { return step(d, second - 1) - before_first + first - 1; }
    // Over all d; these grow with it.
    int low() const { return low(0); }
    int high() const { return high(r - 1); }
    int window() const {
        int most = 0;
        for (int d = 0; d < r; ++d) most = std::max(most, high(d) - low(d) + 1);
        return most;
    }
    // Where the window of d begins in that of all, and does not end behind it.
    int begin(int d) const { return std::min(low(d) - low(), high() - low() + 1 - window()); }
};

bool suits(const Op& op) { return is_plain(op) && keeps_size(op) && op.p[2] <= kMaxWindow && op.p[3] <= kMaxWindow; }

// No further than the pixels next to each other of the first's result before it is shuffled.
bool steps_once(const Axis& axis) { return axis.step(0, 0) >= -1 && axis.step(axis.r - 1, axis.second - 1) <= 1; }

uint64_t weights_of(const Op& op) { return uint64_t(op.p[0]) * op.p[1] * op.p[2] * op.p[3]; }

uint64_t merged_weights(const Pair& pair) {
    const uint64_t pixels = uint64_t(pair.first.p[15]) * pair.first.p[15];
    return pixels * pair.second.p[1] * pair.first.p[0] * Axis(pair, 0).window() * Axis(pair, 1).window();
}

// The merged map, in parts: by whether the second's tap reads above, at or below the output pixel, and left, at or right of it.
class Parts {
public:
    explicit Parts(const Pair& pair)
        : pair_(pair), down_(pair, 0), across_(pair, 1), weights_(merged_weights(pair)),
          biases_(size_t(down_.r) * down_.r * pair.second.p[1]), sums_(kSteps * kSteps * (weights_ + biases_)) {}

    // Where one weight of the second convolution takes what the first makes of one place in the shuffle.
    struct Path {
        size_t pixel, part;
        int up, left;  // steps
    };

    Path path(const Weight& last, int shuffled) const {
        const int r = down_.r;
        int dy = 0, dx = 0;
        while (down_.part(dy, last.row) != shuffled / r) ++dy;
        while (across_.part(dx, last.column) != shuffled % r) ++dx;
        const int up = down_.step(dy, last.row), left = across_.step(dx, last.column);
        return {size_t(dy) * r + dx, size_t(up + 1) * kSteps + size_t(left + 1), up, left};
    }

    void add_weights(const Path& path, const Weight& last, const std::vector<Weight>& taps) {
        const int down = path.up - down_.before_first - down_.low() - down_.begin(int(path.pixel) / down_.r);
        const int across = path.left - across_.before_first - across_.low() - across_.begin(int(path.pixel) % down_.r);
        const size_t rows = down_.window(), columns = across_.window(), channels = pair_.first.p[0], outputs = pair_.second.p[1];
        double* sums = sums_.data() + path.part * (weights_ + biases_) + last.output;
        for (const Weight& tap : taps) {
            const size_t row = path.pixel * rows + size_t(down + tap.row), column = size_t(across + tap.column);
            sums[((row * channels + tap.channel) * columns + column) * outputs] += double(last.value) * tap.value;
        }
    }

    void add_bias(const Path& path, const Weight& last, float bias) {
        const size_t at = weights_ + path.pixel * pair_.second.p[1] + last.output;
        sums_[path.part * (weights_ + biases_) + at] += double(last.value) * bias;
    }

    // The sum of the parts whose taps lie inside the image for output pixels at these borders.
    void sum(int border_down, int border_across, float* weights, float* biases) const {
        const auto inside = [](int border, int step) { return !(step < 0 && border & 1) && !(step > 0 && border & 2); };
        std::vector<double> total(weights_ + biases_);
        for (int up = -1; up <= 1; ++up)
            for (int left = -1; left <= 1; ++left) {
                if (!inside(border_down, up) || !inside(border_across, left)) continue;
                const double* part = sums_.data() + (size_t(up + 1) * kSteps + size_t(left + 1)) * total.size();
                for (size_t i = 0; i < total.size(); ++i) total[i] += part[i];
            }
        std::copy(total.begin(), total.begin() + std::ptrdiff_t(weights_), weights);
        std::copy(total.begin() + std::ptrdiff_t(weights_), total.end(), biases);
    }

    size_t weights() const { return weights_; }
    size_t biases() const { return biases_; }

private:
    const Pair& pair_;
    const Axis down_, across_;
    const size_t weights_, biases_;
    std::vector<double> sums_;
};

// Every path from an input to an output of the pair, and the biases.
Parts all_paths(const Plan& plan, const Pair& pair, int capacity) {
    const int shuffle = pair.first.p[15] * pair.first.p[15];
    const float* bias = pair.first.array[2] >= 0 ? plan.floats(pair.first.array[2]) : nullptr;
    std::vector<std::vector<Weight>> made_by(pair.first.p[1]);
    for (const Weight& tap : kept_weights(plan, pair.first, capacity)) made_by[tap.output].push_back(tap);
    Parts parts(pair);
    for (const Weight& last : kept_weights(plan, pair.second, capacity))
        for (int shuffled = 0; shuffled < shuffle; ++shuffled) {
            const int channel = last.channel * shuffle + shuffled;
            const Parts::Path path = parts.path(last, shuffled);
            parts.add_weights(path, last, made_by[channel]);
            if (bias) parts.add_bias(path, last, bias[channel]);
        }
    return parts;
}

// Whether `second` may be merged with `first`, whose result it reads, and that is less work.
bool worth_merging(const Plan& plan, const Op& first, const Op& second, double tap_cost) {
    const Pair pair{first, second};
    const int r = first.p[15];
    const bool linear = first.act == Act::None && Combine(first.p[14]) == Combine::None && second.act != Act::PRelu;
    if (!linear || !suits(first) || !suits(second)) return false;
    if (r > kMaxMergedShuffle || second.p[15] != 1 || second.p[1] > kFewOutputs) return false;
    if (!steps_once(Axis(pair, 0)) || !steps_once(Axis(pair, 1))) return false;
    if (weights_of(first) > kMaxWeights || merged_weights(pair) > kMaxMergedWeights) return false;
    const double kept = tap_cost * double(kept_weights(plan, first, 0).size());
    return double(merged_weights(pair)) < std::min(kept, double(weights_of(first))) + double(weights_of(second)) * r * r;
}

// By value: how often operations write and read it, the image and the restored image once more.
std::vector<int> count_uses(const Plan& plan) {
    std::vector<int> uses(plan.values.size(), 0);
    for (uint32_t value : {plan.header.input, plan.header.output}) ++uses[value];
    for (const Op& op : plan.ops)
        for (int value : {op.in[0], op.in[1], op.out})
            if (value >= 0) ++uses[value];
    return uses;
}

}  // namespace

std::vector<int> mergeable_firsts(const Plan& plan, double tap_cost) {
    std::vector<int> firsts(plan.ops.size(), -1), writer(plan.values.size(), -1);
    const std::vector<int> uses = count_uses(plan);
    for (int i = 0; i < int(plan.ops.size()); ++i) {
        const Op& op = plan.ops[i];
        const int value = op.in[0], first = writer[value];
        writer[op.out] = i;
        if (op.type != OpType::Conv || first < 0 || plan.ops[first].type != OpType::Conv || firsts[first] >= 0) continue;
        const int channels = int(plan.values[value].channels);
        const bool whole = channels_of(op).in0 == channels && channels_of(plan.ops[first]).out == channels;
        if (whole && uses[value] == 2 && worth_merging(plan, plan.ops[first], op, tap_cost)) firsts[i] = first;
    }
    return firsts;
}

Op merged_op(const Pair& pair) {
    Op op = pair.second;
    op.in[0] = pair.first.in[0], op.in_channel[0] = pair.first.in_channel[0];
    op.p[0] = pair.first.p[0];
    op.p[1] = pair.second.p[1] * pair.first.p[15] * pair.first.p[15];
    for (int axis = 0; axis < 2; ++axis) {
        const Axis of(pair, axis);
        op.p[2 + axis] = of.high() - of.low() + 1;
        op.p[6 + axis] = -of.low();
        op.p[8 + axis] = of.high();
    }
    op.p[13] = 0;
    op.p[15] = pair.first.p[15];
    op.array[0] = op.array[1] = op.array[2] = -1;  // see Merged
    return op;
}

MergedWeights merge(const Plan& plan, const Pair& pair, int capacity) {
    const Axis down(pair, 0), across(pair, 1);
    const Parts parts = all_paths(plan, pair, capacity);
    MergedWeights merged;
    merged.rows = down.window(), merged.columns = across.window();
    merged.macs = parts.weights();
    for (int d = 0; d < down.r; ++d) merged.top.push_back(down.begin(d)), merged.left.push_back(across.begin(d));
    merged.weights.resize(kBorders * kBorders * parts.weights());
    merged.bias.resize(kBorders * kBorders * parts.biases());
    for (size_t at = 0; at < kBorders * kBorders; ++at) {
        float* bias = merged.bias.data() + at * parts.biases();
        parts.sum(int(at) / kBorders, int(at) % kBorders, merged.weights.data() + at * parts.weights(), bias);
        if (pair.second.array[2] < 0) continue;
        for (size_t i = 0; i < parts.biases(); ++i) bias[i] += plan.floats(pair.second.array[2])[i % size_t(pair.second.p[1])];
    }
    return merged;
}

}  // namespace slsc
