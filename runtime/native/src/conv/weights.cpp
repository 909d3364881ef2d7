#include "conv/weights.hpp"

#include <algorithm>
#include <cstdint>

#include "plan/arrays.hpp"

namespace slsc {
namespace {

// In the file a kernel lies upright, row by row; here it is turned (plan/turn.hpp).
std::vector<Weight> dense_weights(const std::vector<float>& stored, const Op& op) {
    const int groups = op.conv.groups, in_group = op.conv.channels / groups, out_group = op.conv.made / groups;
    std::vector<Weight> weights;
    weights.reserve(size_t(op.conv.made) * in_group * op.conv.kernel_h * op.conv.kernel_w);
    const float* value = stored.data();
    for (int k = 0; k < op.conv.made; ++k)
        for (int c = 0; c < in_group; ++c)
            for (int s = 0; s < op.conv.kernel_w; ++s)
                for (int r = 0; r < op.conv.kernel_h; ++r, ++value)
                    if (*value != 0.0f) weights.push_back({k, k / out_group * in_group + c, r, s, *value});
    return weights;
}

// Rank-major storage (plan/ops.hpp): the first entries of every group are its most important weights.
std::vector<Weight> sparse_weights(const Plan& plan, const std::vector<float>& stored, const Op& op, int capacity) {
    const int m = int(plan.header.m), n = op.conv.n, most = op.kept > 0 ? op.kept : n;
    const int wanted = capacity > 0 && capacity < most ? capacity : most;
    const int groups = op.conv.groups, in_group = op.conv.channels / groups, out_group = op.conv.made / groups;
    std::vector<Weight> weights;
    const float* value = stored.data();
    const uint8_t* position = plan.data(op.conv.positions);
    for (int rank = 0; rank < n; ++rank)
        for (int k = 0; k < op.conv.made; ++k)
            for (int s = 0; s < op.conv.kernel_w; ++s)
                for (int r = 0; r < op.conv.kernel_h; ++r)
                    for (int c = 0; c < in_group; c += m) {
                        const int size = std::min(m, in_group - c);
                        if (rank >= kept_in_group(n, m, size)) continue;
                        if (rank < kept_in_group(wanted, m, size) && *value != 0.0f)
                            weights.push_back({k, k / out_group * in_group + c + *position, r, s, *value});
                        ++value, ++position;
                    }
    return weights;
}

std::vector<Weight> kept(const Plan& plan, const std::vector<float>& stored, const Op& op, int capacity) {
    return op.conv.positions >= 0 ? sparse_weights(plan, stored, op, capacity) : dense_weights(stored, op);
}

}  // namespace

std::vector<Weight> kept_weights(const Plan& plan, const Op& op, int capacity) {
    return kept(plan, widened_weights(plan, op.conv), op, capacity);
}

std::vector<Weight> kept_integers(const Plan& plan, const Op& op, int capacity) {
    return kept(plan, stored_weights(plan, op.conv), op, capacity);
}

}  // namespace slsc
