#include "conv/few_outputs.hpp"

#include <cstddef>
#include <cstdint>

#include "conv/dense.hpp"
#include "conv/geometry.hpp"

namespace slsc {

bool suits_few_outputs(const ConvSource& source, const ConvTuning& tuning) {
    const ConvParams& conv = source.op.conv;
    const FewOutputsTuning& few = tuning.few_outputs;
    const int64_t row = int64_t(sizeof(float)) * few.lanes * (few.columns + conv.kernel_w - 1);
    return suits_dense(source, tuning) && is_plain(conv) && conv.made <= kFewOutputs && conv.kernel_h <= kFewOutputsRows &&
           row * conv.kernel_h * conv.channels <= few.window_bytes;
}

std::shared_ptr<const void> prepare_few_outputs(const ConvSource& source, const ConvTuning&) {
    const ConvParams& conv = source.op.conv;
    const size_t channels = conv.channels, outputs = conv.made, kh = conv.kernel_h, kw = conv.kernel_w;
    FewOutputsWeights listed{std::vector<float>(kh * channels * kw * outputs, 0.0f)};
    for (const Weight& w : source.weights)
        listed.weights[((w.row * channels + w.channel) * kw + w.column) * outputs + w.output] = w.value;
    return held_view(std::move(listed));
}

}  // namespace slsc
