#include "conv/dense.hpp"

#include <algorithm>

#include "conv/geometry.hpp"

namespace slsc {
namespace {

// All weights of a convolution, zeros too: [output][channel of the group][row][column].
std::vector<float> all_weights(const ConvParams& conv, const std::vector<Weight>& weights) {
    const int in_group = conv.channels / conv.groups, out_group = conv.made / conv.groups, kh = conv.kernel_h, kw = conv.kernel_w;
    std::vector<float> all(size_t(conv.made) * in_group * kh * kw, 0.0f);
    for (const Weight& w : weights) {
        const int channel = w.channel - w.output / out_group * in_group;
        all[((size_t(w.output) * in_group + channel) * kh + w.row) * kw + w.column] = w.value;
    }
    return all;
}

// Channels of a chunk, of `available` ones, so that one register block's input stays within `block_bytes`.
int chunk_channels(const ConvGeometry& g, const DenseTuning& t, int available) {
    const int64_t rows = int64_t(t.block_rows - 1) * g.sh + int64_t(g.kh - 1) * g.dh + 1;
    const int64_t columns = int64_t(t.block_columns - 1) * g.sw + int64_t(g.kw - 1) * g.dw + 1;
    const int64_t block = 4 * t.lanes * rows * columns;
    const int most = int(std::max<int64_t>(1, t.block_bytes / block));
    const int chunks = (available + most - 1) / most;
    return (available + chunks - 1) / chunks;
}

class Builder {
public:
    Builder(const ConvParams& conv, const std::vector<Weight>& weights, const DenseTuning& tuning)
        : conv_(conv), tuning_(tuning), geometry_(conv_geometry(conv, tuning.lanes, tuning.rows, tuning.columns)),
          all_(all_weights(conv, weights)) {}

    DenseLists build() {
        const int groups = conv_.groups, in_group = conv_.channels / groups, out_group = conv_.made / groups;
        for (int group = 0; group < groups; ++group)
            for (int k = 0; k < out_group; k += tuning_.outputs)
                panel(group * in_group, in_group, group * out_group + k, std::min(tuning_.outputs, out_group - k));
        return std::move(lists_);
    }

private:
    void panel(int first_channel, int channels, int first_output, int outputs) {
        const int step = chunk_channels(geometry_, tuning_, channels);
        const size_t first_chunk = lists_.chunks.size();
        for (int c = 0; c < channels; c += step) {
            const int taken = std::min(step, channels - c);
            const size_t first_block = lists_.blocks.size();
            for (int k = 0; k < outputs; k += kDenseBlock) block(c, taken, first_output + k, std::min(kDenseBlock, outputs - k));
            lists_.chunks.push_back({first_channel + c, taken, first_block, lists_.blocks.size() - first_block});
        }
        lists_.panels.push_back({first_output, outputs, first_chunk, lists_.chunks.size() - first_chunk});
    }

    // `first`: channel of the group.
    void block(int first, int channels, int first_output, int outputs) {
        const size_t in_group = conv_.channels / conv_.groups, taps = size_t(conv_.kernel_h) * conv_.kernel_w,
                     per_output = in_group * taps;
        const size_t first_tap = lists_.offsets.size();
        const size_t first_weight = lists_.weights.size();
        for (int c = 0; c < channels; ++c)
            for (size_t tap = 0; tap < taps; ++tap) {
                const float* weight = &all_[first_output * per_output + (first + c) * taps + tap];
                bool any = false;
                for (int k = 0; k < outputs; ++k) any |= weight[k * per_output] != 0.0f;
                if (!any) continue;
                lists_.offsets.push_back(offset(c, int(tap) / conv_.kernel_w, int(tap) % conv_.kernel_w));
                for (int k = 0; k < outputs; ++k) lists_.weights.push_back(weight[k * per_output]);
            }
        lists_.blocks.push_back({first_output, outputs, first_tap, lists_.offsets.size() - first_tap, first_weight});
    }

    int32_t offset(int channel, int row, int column) const {
        const int64_t pixel = int64_t(row) * geometry_.dh * geometry_.packed_columns + column * geometry_.dw;
        return int32_t(channel * geometry_.packed_plane + pixel * tuning_.lanes);
    }

    const ConvParams& conv_;
    const DenseTuning& tuning_;
    const ConvGeometry geometry_;
    const std::vector<float> all_;
    DenseLists lists_;
};

}  // namespace

bool suits_dense(const ConvSource& source, const ConvTuning& tuning) {
    const ConvParams& conv = source.op.conv;
    const uint64_t all = uint64_t(conv.made) * (conv.channels / conv.groups) * conv.kernel_h * conv.kernel_w;
    const bool shares_loads = conv.made / conv.groups > 1;  // one output has nothing to share
    return !source.pair && shares_loads && tuning.tap_cost * double(source.kept) > double(all);
}

std::shared_ptr<const void> prepare_dense(const ConvSource& source, const ConvTuning& tuning) {
    return held_view(Builder(source.op.conv, source.weights, tuning.dense).build());
}

}  // namespace slsc
