#include "taps.hpp"

#include <algorithm>
#include <numeric>

namespace slsc {
namespace {

struct Weight {
    int output, channel, row, column;  // channel of the convolution's whole input
    float value;
};

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

// Channels of a chunk, so that one register block's input stays within `block_bytes`.
int chunk_channels(const ConvGeometry& g, const ConvTuning& t, int available) {
    const int64_t rows = int64_t(t.block_rows - 1) * g.sh + int64_t(g.kh - 1) * g.dh + 1;
    const int64_t columns = int64_t(t.block_columns - 1) * g.sw + int64_t(g.kw - 1) * g.dw + 1;
    const int64_t block = 4 * t.lanes * rows * columns;
    const int most = int(std::max<int64_t>(1, t.block_bytes / block));
    const int chunks = (available + most - 1) / most;
    return (available + chunks - 1) / chunks;
}

bool is_direct(const Op& op) {
    return op.p[2] == 1 && op.p[3] == 1 && op.p[4] == 1 && op.p[5] == 1 && !op.p[6] && !op.p[7] && !op.p[8] && !op.p[9];
}

// Orders the outputs of each chunk by the length of their lists, within each run of outputs whose sums are held at once:
// a loop whose length changes from call to call costs a mispredicted branch every time.
void order_outputs(TapLists& lists, const ConvTuning& tuning) {
    std::vector<Tap> taps;
    taps.reserve(lists.taps.size());
    std::vector<uint32_t> starts;
    for (const Chunk& chunk : lists.chunks) {
        const uint32_t* start = &lists.starts[chunk.first_start];
        std::vector<uint32_t> order(chunk.outputs);
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
            const uint32_t run_a = (chunk.first_output + a) / tuning.outputs, run_b = (chunk.first_output + b) / tuning.outputs;
            return run_a != run_b ? run_a < run_b : start[a + 1] - start[a] < start[b + 1] - start[b];
        });
        for (uint32_t k : order) {
            starts.push_back(uint32_t(taps.size()));
            lists.outputs.push_back(chunk.first_output + k);
            taps.insert(taps.end(), lists.taps.begin() + start[k], lists.taps.begin() + start[k + 1]);
        }
        starts.push_back(uint32_t(taps.size()));
        lists.outputs.push_back(0);  // as long as `starts`
    }
    lists.starts = std::move(starts);
    lists.taps = std::move(taps);
}

}  // namespace

TapLists list_taps(const Plan& plan, const Op& op, int capacity, const ConvTuning& tuning) {
    const bool sparse = op.array[1] >= 0;
    const std::vector<Weight> weights = sparse ? sparse_weights(plan, op, capacity) : dense_weights(plan, op);
    const ConvGeometry g = conv_geometry(op, tuning);
    const int groups = op.p[12], in_group = op.p[0] / groups, out_group = op.p[1] / groups;
    const int step = chunk_channels(g, tuning, in_group), per_group = (in_group + step - 1) / step;
    TapLists lists;
    lists.direct = is_direct(op);
    for (int group = 0; group < groups; ++group)
        for (int c = 0; c < in_group; c += step)
            lists.chunks.push_back({group * in_group + c, std::min(step, in_group - c), group * out_group, out_group,
                                    lists.chunks.size() * size_t(out_group + 1)});
    const auto list_of = [&](const Weight& w) {
        const int group = w.output / out_group, chunk = group * per_group + (w.channel - group * in_group) / step;
        return lists.chunks[chunk].first_start + (w.output - group * out_group);
    };
    std::vector<uint32_t> next(lists.chunks.size() * (out_group + 1) + 1, 0);  // counting sort
    for (const Weight& w : weights) ++next[list_of(w) + 1];
    for (size_t i = 1; i < next.size(); ++i) next[i] += next[i - 1];
    lists.starts.assign(next.begin(), next.end() - 1);
    lists.taps.resize(weights.size());
    for (const Weight& w : weights) {
        const int channel = (w.channel - w.output / out_group * in_group) % step;
        const int64_t inside = (int64_t(w.row) * g.dh * g.packed_columns + w.column * g.dw) * tuning.lanes;
        const int64_t offset = lists.direct ? channel : channel * g.packed_plane + inside;
        lists.taps[next[list_of(w)]++] = {int32_t(offset), w.value};
    }
    // By offset within a list, so that the input is walked forwards.
    for (size_t i = 0; i + 1 < lists.starts.size(); ++i)
        std::sort(lists.taps.begin() + lists.starts[i], lists.taps.begin() + lists.starts[i + 1],
                  [](const Tap& a, const Tap& b) { return a.offset < b.offset; });
    order_outputs(lists, tuning);
    return lists;
}

}  // namespace slsc
