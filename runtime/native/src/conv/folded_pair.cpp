#include "conv/folded_pair.hpp"

#include <algorithm>
#include <cstddef>

#include "conv/few_outputs.hpp"
#include "conv/geometry.hpp"
#include "conv/weights.hpp"
#include "memory/layout.hpp"

namespace slsc {
namespace {

constexpr int kMaxWindow = 7, kMaxShuffle = 4;
constexpr uint64_t kMaxWeights = 1 << 22, kMaxFoldedWeights = 1 << 18;  // keep the time and memory that folding takes low
constexpr int kSteps = 3;  // from an output pixel to the pixel of the first's result that a tap reads: -1, 0, 1

// The windows of both convolutions along one axis, which the folded one has before the shuffle.
struct Axis {
    int r, first, before_first, second, before_second;

    static Axis down(const FoldedPair& pair) {
        const ConvParams &a = pair.first.conv, &b = pair.second.conv;
        return {a.shuffle, a.kernel_h, a.pad.top, b.kernel_h, b.pad.top};
    }
    static Axis across(const FoldedPair& pair) {
        const ConvParams &a = pair.first.conv, &b = pair.second.conv;
        return {a.shuffle, a.kernel_w, a.pad.left, b.kernel_w, b.pad.left};
    }

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

bool is_small(const ConvParams& p) { return is_plain(p) && keeps_size(p) && p.kernel_h <= kMaxWindow && p.kernel_w <= kMaxWindow; }

// No further than the pixels next to each other of the first's result before it is shuffled.
bool steps_once(const Axis& axis) { return axis.step(0, 0) >= -1 && axis.step(axis.r - 1, axis.second - 1) <= 1; }

uint64_t weights_of(const ConvParams& p) { return uint64_t(p.channels) * p.made * p.kernel_h * p.kernel_w; }

// The folded map, in parts: by whether the second's tap reads above, at or below the output pixel, and left, at or right of it.
class Parts {
public:
    explicit Parts(const FoldedPair& pair)
        : pair_(pair), down_(Axis::down(pair)), across_(Axis::across(pair)), weights_(folded_weights(pair)),
          biases_(size_t(down_.r) * down_.r * pair.second.conv.made), sums_(kSteps * kSteps * (weights_ + biases_)) {}

    // Where one weight of the second convolution takes what the first makes of one place in the shuffle.
    struct Path {
        size_t pixel, part;
        int up, left;  // steps
    };

    Path path(const Weight& last, int shuffled) const {
        const int r = down_.r;
        int dy = 0, dx = 0;
        while (down_.part(dy, last.row) != shuffled % r) ++dy;
        while (across_.part(dx, last.column) != shuffled / r) ++dx;
        const int up = down_.step(dy, last.row), left = across_.step(dx, last.column);
        return {size_t(dy) * r + dx, size_t(up + 1) * kSteps + size_t(left + 1), up, left};
    }

    void add_weights(const Path& path, const Weight& last, const std::vector<Weight>& taps) {
        const int down = path.up - down_.before_first - down_.low() - down_.begin(int(path.pixel) / down_.r);
        const int across = path.left - across_.before_first - across_.low() - across_.begin(int(path.pixel) % down_.r);
        const size_t rows = down_.window(), columns = across_.window(), channels = pair_.first.conv.channels,
                     outputs = pair_.second.conv.made;
        double* sums = sums_.data() + path.part * (weights_ + biases_) + last.output;
        for (const Weight& tap : taps) {
            const size_t row = path.pixel * rows + size_t(down + tap.row), column = size_t(across + tap.column);
            sums[((row * channels + tap.channel) * columns + column) * outputs] += double(last.value) * tap.value;
        }
    }

    void add_bias(const Path& path, const Weight& last, float bias) {
        const size_t at = weights_ + path.pixel * pair_.second.conv.made + last.output;
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
    const FoldedPair& pair_;
    const Axis down_, across_;
    const size_t weights_, biases_;
    std::vector<double> sums_;
};

// Every path from an input to an output of the pair, and the biases.
Parts all_paths(const Plan& plan, const FoldedPair& pair, int capacity) {
    const int shuffle = pair.first.conv.shuffle * pair.first.conv.shuffle;
    const float* bias = plan.floats_or_null(pair.first.conv.bias);
    std::vector<std::vector<Weight>> made_by(pair.first.conv.made);
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

}  // namespace

uint64_t folded_weights(const FoldedPair& pair) {
    const uint64_t pixels = uint64_t(pair.first.conv.shuffle) * pair.first.conv.shuffle;
    return pixels * pair.second.conv.made * pair.first.conv.channels * Axis::down(pair).window() * Axis::across(pair).window();
}

bool worth_folding(const Plan& plan, const FoldedPair& pair, double tap_cost) {
    const Op &first = pair.first, &second = pair.second;
    const int r = first.conv.shuffle;
    const bool linear = first.act == Act::None && first.conv.combine == Combine::None && second.act != Act::PRelu;
    if (!linear || !is_small(first.conv) || !is_small(second.conv)) return false;
    if (r > kMaxShuffle || second.conv.shuffle != 1 || second.conv.made > kFewOutputs) return false;
    if (!steps_once(Axis::down(pair)) || !steps_once(Axis::across(pair))) return false;
    if (weights_of(first.conv) > kMaxWeights || folded_weights(pair) > kMaxFoldedWeights) return false;
    const double kept = tap_cost * double(kept_weights(plan, first, 0).size());
    return double(folded_weights(pair)) < std::min(kept, double(weights_of(first.conv))) + double(weights_of(second.conv)) * r * r;
}

Op folded_op(const FoldedPair& pair) {
    Op op = pair.second;
    op.in[0] = pair.first.in[0], op.in_channel[0] = pair.first.in_channel[0];
    op.conv.channels = pair.first.conv.channels;
    op.conv.made = pair.second.conv.made * pair.first.conv.shuffle * pair.first.conv.shuffle;
    const Axis down = Axis::down(pair), across = Axis::across(pair);
    op.conv.kernel_h = down.high() - down.low() + 1, op.conv.kernel_w = across.high() - across.low() + 1;
    op.conv.pad = {-down.low(), -across.low(), down.high(), across.high()};
    op.conv.n = 0;
    op.conv.shuffle = pair.first.conv.shuffle;
    op.conv.weights = op.conv.positions = op.conv.bias = -1;  // see FoldedPairWeights
    return op;
}

bool suits_folded_pair(const ConvSource& source, const ConvTuning&) { return source.pair; }

std::shared_ptr<const void> prepare_folded_pair(const ConvSource& source, const ConvTuning&) {
    const FoldedPair& pair = *source.pair;
    const Axis down = Axis::down(pair), across = Axis::across(pair);
    const Parts parts = all_paths(source.plan, pair, source.capacity);
    FoldedPairWeights folded;
    folded.rows = down.window(), folded.columns = across.window();
    for (int d = 0; d < down.r; ++d) folded.top.push_back(down.begin(d)), folded.left.push_back(across.begin(d));
    folded.weights.resize(kBorders * kBorders * parts.weights());
    folded.bias.resize(kBorders * kBorders * parts.biases());
    const float* second = source.plan.floats_or_null(pair.second.conv.bias);
    for (size_t at = 0; at < kBorders * kBorders; ++at) {
        float* bias = folded.bias.data() + at * parts.biases();
        parts.sum(int(at) / kBorders, int(at) % kBorders, folded.weights.data() + at * parts.weights(), bias);
        for (size_t i = 0; second && i < parts.biases(); ++i) bias[i] += second[i % size_t(pair.second.conv.made)];
    }
    return held_view(std::move(folded));
}

}  // namespace slsc
