#include "conv/few_outputs.hpp"

#include <cstddef>
#include <cstdint>

namespace slsc {

bool is_plain(const Op& op) {
    const int32_t* p = op.p;
    return p[4] == 1 && p[5] == 1 && p[10] == 1 && p[11] == 1 && p[12] == 1;
}

bool keeps_size(const Op& op) { return op.p[6] + op.p[8] == op.p[2] - 1 && op.p[7] + op.p[9] == op.p[3] - 1; }

bool suits_few(const Op& op, const FewTuning& tuning) {
    const int32_t* p = op.p;
    const int64_t row = int64_t(sizeof(float)) * tuning.lanes * (tuning.columns + p[3] - 1);
    return is_plain(op) && p[1] <= kFewOutputs && p[2] <= kFewRows && row * p[2] * p[0] <= tuning.window_bytes;
}

std::vector<float> list_few(const Op& op, const std::vector<Weight>& weights) {
    const size_t channels = op.p[0], outputs = op.p[1], kh = op.p[2], kw = op.p[3];
    std::vector<float> listed(kh * channels * kw * outputs, 0.0f);
    for (const Weight& w : weights) listed[((w.row * channels + w.channel) * kw + w.column) * outputs + w.output] = w.value;
    return listed;
}

}  // namespace slsc
