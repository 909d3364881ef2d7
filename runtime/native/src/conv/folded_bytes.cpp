#include "conv/folded_bytes.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

namespace slsc {
namespace {

// The weights of one output pixel at one border, as prepare_folded_pair() makes them.
class Splitter {
public:
    Splitter(const Folded& folded, int channels, int outputs, const PackedTuning& tuning, const Quantization& in)
        : folded_(folded), channels_(channels), outputs_(outputs), lanes_(tuning.lanes),
          blocks_(packed_blocks(channels, 1, tuning.lanes)), scale_(in.scale), zero_(zero_of(in, tuning)) {}

    size_t floats() const { return size_t(folded_.rows) * folded_.columns * channels_ * outputs_; }
    size_t bytes() const { return size_t(folded_.rows) * folded_.columns * blocks_ * outputs_ * 2 * 4 * lanes_; }

    // Appends what `weights` become. `to`: the bytes, zeros so far.
    void split(const float* weights, const float* bias, uint8_t* to, FoldedBytesWeights& made) const {
        for (int k = 0; k < outputs_; ++k) {
            float most = 0.0f;
            for (size_t i = size_t(k); i < floats(); i += size_t(outputs_)) most = std::max(most, std::fabs(weights[i]));
            const double step = most > 0.0f ? double(most) / kMostFoldedWeight : 1.0;
            std::vector<int32_t> start(lanes_, 0);
            for (int row = 0; row < folded_.rows; ++row)
                for (int column = 0; column < folded_.columns; ++column)
                    for (int channel = 0; channel < channels_; ++channel) {
                        const size_t at = ((size_t(row) * channels_ + channel) * folded_.columns + column) * outputs_ + k;
                        const int weight = int(std::lround(weights[at] / step)), high = (weight + 128) >> 8;
                        uint8_t* vector = to + place(row, column, channel, k);
                        vector[0] = uint8_t(high), vector[4 * lanes_] = uint8_t(weight - 256 * high);
                        start[channel % (4 * lanes_) / 4] -= zero_ * weight;
                    }
            made.start.insert(made.start.end(), start.begin(), start.end());
            made.scale.push_back(float(step * scale_));
            made.bias.push_back(bias[k]);
        }
    }

private:
    // Of the high byte.
    size_t place(int row, int column, int channel, int k) const {
        const int vector = 4 * lanes_;
        const size_t tap = (size_t(row) * folded_.columns + column) * blocks_ + channel / vector;
        return (tap * outputs_ + k) * 2 * vector + channel % vector;
    }

    const Folded& folded_;
    const int channels_, outputs_, lanes_, blocks_;
    const float scale_;
    const int32_t zero_;
};

}  // namespace

std::shared_ptr<const void> prepare_folded_bytes(const ConvSource& source, const ConvTuning& tuning, const Quantization& in) {
    FoldedBytesWeights made;
    made.folded = prepare_folded_pair(source, tuning);
    const Folded& folded = *static_cast<const Folded*>(made.folded.get());
    const int outputs = source.pair->second.conv.made, channels = source.op.conv.channels, lanes = tuning.integers.lanes;
    const int pixels = source.op.conv.shuffle * source.op.conv.shuffle;
    const Splitter splitter(folded, channels, outputs, tuning.integers, in);
    const size_t sets = size_t(kBorders) * kBorders * pixels;
    made.sizes.window = folded, made.sizes.blocks = packed_blocks(channels, 1, lanes), made.sizes.zero = in.zero;
    made.weights.resize((sets * splitter.bytes() + sizeof(CacheLine) - 1) / sizeof(CacheLine), CacheLine{});
    uint8_t* bytes = made.weights.front().bytes;
    for (size_t set = 0; set < sets; ++set)
        splitter.split(folded.weights + set * splitter.floats(), folded.bias + set * outputs, bytes + set * splitter.bytes(), made);
    return held_view(std::move(made));
}

}  // namespace slsc
