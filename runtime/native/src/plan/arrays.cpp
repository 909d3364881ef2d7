#include "plan/arrays.hpp"

#include <cstring>

namespace slsc {
namespace {

bool is_dense(const ConvParams& conv, int m) { return conv.n == 0 || conv.n == m; }

// Weights of one output that follow each other in the file at `rank`; a dense Conv has one rank.
int64_t run_length(const ConvParams& conv, int m, int rank) {
    const int channels = conv.channels / conv.groups;
    const int64_t positions = int64_t(conv.kernel_h) * conv.kernel_w;
    if (is_dense(conv, m)) return positions * channels;
    const int groups = (channels + m - 1) / m, last = channels - (groups - 1) * m;
    return positions * (rank < kept_in_group(conv.n, m, last) ? groups : groups - 1);
}

std::vector<float> widened(const Plan& plan, int32_t index) {
    const Array& array = plan.arrays[index];
    const uint8_t* stored = plan.data(index);
    std::vector<float> values(array.bytes / size_of(array.dtype));
    switch (array.dtype) {
        case DType::F32:
            if (!values.empty()) std::memcpy(values.data(), stored, array.bytes);
            break;
        case DType::BF16:
            for (size_t i = 0; i < values.size(); ++i) values[i] = widened_bf16(reinterpret_cast<const uint16_t*>(stored)[i]);
            break;
        case DType::I8:
            for (size_t i = 0; i < values.size(); ++i) values[i] = reinterpret_cast<const int8_t*>(stored)[i];
            break;
        case DType::U8:
            for (size_t i = 0; i < values.size(); ++i) values[i] = stored[i];
            break;
    }
    return values;
}

}  // namespace

float widened_bf16(uint16_t bits) {
    const uint32_t whole = uint32_t(bits) << 16;
    float value;
    std::memcpy(&value, &whole, sizeof value);
    return value;
}

int64_t weight_count(const ConvParams& conv, int m) {
    const int ranks = is_dense(conv, m) ? 1 : conv.n;
    int64_t count = 0;
    for (int rank = 0; rank < ranks; ++rank) count += conv.made * run_length(conv, m, rank);
    return count;
}

std::vector<float> stored_weights(const Plan& plan, const ConvParams& conv) { return widened(plan, conv.weights); }

std::vector<float> widened_weights(const Plan& plan, const ConvParams& conv) {
    std::vector<float> values = stored_weights(plan, conv);
    const int32_t scale = plan.arrays[conv.weights].scale;
    if (scale < 0) return values;
    const bool each = plan.arrays[scale].bytes > sizeof(float);
    float* value = values.data();
    float* const end = value + values.size();
    for (int rank = 0; value < end; ++rank)
        for (int k = 0; k < conv.made; ++k) {
            const float factor = plan.floats(scale)[each ? k : 0];
            for (int64_t i = run_length(conv, int(plan.header.m), rank); i; --i) *value++ *= factor;
        }
    return values;
}

}  // namespace slsc
