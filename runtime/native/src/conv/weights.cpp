#include "conv/weights.hpp"

#include <algorithm>
#include <cstdint>

namespace slsc {
namespace {

std::vector<Weight> dense_weights(const Plan& plan, const Op& op) {
    const int groups = op.p[12], in_group = op.p[0] / groups, out_group = op.p[1] / groups;
    std::vector<Weight> weights;
    weights.reserve(size_t(op.p[1]) * in_group * op.p[2] * op.p[3]);
    const float* value = plan.floats(op.array[0]);
    for (int k = 0; k < op.p[1]; ++k)
        for (int c = 0; c < in_group; ++c)
            for (int r = 0; r < op.p[2]; ++r)
                for (int s = 0; s < op.p[3]; ++s, ++value)
                    if (*value != 0.0f) weights.push_back({k, k / out_group * in_group + c, r, s, *value});
    return weights;
}

// Rank-major storage (plan.hpp): the first entries of every group are its most important weights.
std::vector<Weight> sparse_weights(const Plan& plan, const Op& op, int capacity) {
    const int m = int(plan.header.m), n = op.p[13], wanted = capacity > 0 && capacity < n ? capacity : n;
    const int groups = op.p[12], in_group = op.p[0] / groups, out_group = op.p[1] / groups;
    std::vector<Weight> weights;
    const float* value = plan.floats(op.array[0]);
    const uint8_t* position = plan.data(op.array[1]);
    for (int rank = 0; rank < n; ++rank)
        for (int k = 0; k < op.p[1]; ++k)
            for (int r = 0; r < op.p[2]; ++r)
                for (int s = 0; s < op.p[3]; ++s)
                    for (int c = 0; c < in_group; c += m) {
                        const int size = std::min(m, in_group - c);
                        if (rank >= kept_in_group(n, m, size)) continue;
                        if (rank < kept_in_group(wanted, m, size) && *value != 0.0f)
                            weights.push_back({k, k / out_group * in_group + c + *position, r, s, *value});
                        ++value, ++position;
                    }
    return weights;
}

}  // namespace

std::vector<Weight> kept_weights(const Plan& plan, const Op& op, int capacity) {
    return op.array[1] >= 0 ? sparse_weights(plan, op, capacity) : dense_weights(plan, op);
}

}  // namespace slsc
