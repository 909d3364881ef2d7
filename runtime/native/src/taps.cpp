#include "taps.hpp"

#include <algorithm>
#include <utility>

namespace slsc {
namespace {

bool is_direct(const Op& op) {
    return op.p[2] == 1 && op.p[3] == 1 && op.p[4] == 1 && op.p[5] == 1 && !op.p[6] && !op.p[7] && !op.p[8] && !op.p[9];
}

// A list being made.
struct Draft {
    uint32_t output;
    std::vector<std::pair<uint16_t, float>> taps;
};

// Orders the lists of a chunk by length, within each run of outputs whose sums are held at once: a loop whose length
// changes from call to call costs a mispredicted branch every time. By offset within a list, so that the input is walked
// forwards.
void order_lists(Draft* begin, Draft* end, const ConvTuning& tuning) {
    for (Draft* list = begin; list != end; ++list)
        std::sort(list->taps.begin(), list->taps.end(), [](auto& a, auto& b) { return a.first < b.first; });
    std::stable_sort(begin, end, [&](const Draft& a, const Draft& b) {
        const uint32_t run_a = a.output / tuning.outputs, run_b = b.output / tuning.outputs;
        return run_a != run_b ? run_a < run_b : a.taps.size() < b.taps.size();
    });
}

void append(ConvTaps& to, const Draft& list) {
    to.lists.push_back({list.output, uint32_t(to.offsets.size()), uint32_t(list.taps.size())});
    for (size_t i = 0; i < list.taps.size(); i += kQuad) {
        uint64_t offsets = 0;
        for (size_t j = 0; j < kQuad; ++j) {
            const auto [offset, weight] = i + j < list.taps.size() ? list.taps[i + j] : std::pair<uint16_t, float>{};
            offsets |= uint64_t(offset) << (16 * j);
            to.weights.push_back(weight);
        }
        to.offsets.push_back(offsets);
    }
}

}  // namespace

int chunk_channels(const ConvGeometry& g, const ConvTuning& t, int available) {
    const int64_t rows = int64_t(t.block_rows - 1) * g.sh + int64_t(g.kh - 1) * g.dh + 1;
    const int64_t columns = int64_t(t.block_columns - 1) * g.sw + int64_t(g.kw - 1) * g.dw + 1;
    const int64_t block = 4 * t.lanes * rows * columns;
    const int64_t addressable = (int64_t(1) << 16) / (g.packed_plane / t.lanes);
    const int most = int(std::max<int64_t>(1, std::min<int64_t>(t.block_bytes / block, addressable)));
    const int chunks = (available + most - 1) / most;
    return (available + chunks - 1) / chunks;
}

ConvTaps list_taps(const Op& op, const std::vector<Weight>& weights, const ConvTuning& tuning) {
    const ConvGeometry g = conv_geometry(op, tuning);
    const int groups = op.p[12], in_group = op.p[0] / groups, out_group = op.p[1] / groups;
    const int step = is_direct(op) ? in_group : chunk_channels(g, tuning, in_group);
    const int per_group = (in_group + step - 1) / step;
    ConvTaps made;
    made.direct = is_direct(op);
    std::vector<Draft> drafts;
    for (int group = 0; group < groups; ++group)
        for (int c = 0; c < in_group; c += step) {
            made.chunks.push_back({group * in_group + c, std::min(step, in_group - c), group * out_group, out_group, drafts.size()});
            for (int k = 0; k < out_group; ++k) drafts.push_back({uint32_t(group * out_group + k), {}});
        }
    for (const Weight& w : weights) {
        const int group = w.output / out_group, in = w.channel - group * in_group;
        const Chunk& chunk = made.chunks[group * per_group + in / step];
        const int64_t inside = int64_t(w.row) * g.dh * g.packed_columns + w.column * g.dw;
        const int64_t offset = made.direct ? in % step : in % step * (g.packed_plane / tuning.lanes) + inside;
        drafts[chunk.first_list + (w.output - chunk.first_output)].taps.push_back({uint16_t(offset), w.value});
    }
    for (const Chunk& chunk : made.chunks) {
        Draft* first = drafts.data() + chunk.first_list;
        order_lists(first, first + chunk.outputs, tuning);
        for (int k = 0; k < chunk.outputs; ++k) append(made, first[k]);
    }
    made.offsets.resize(made.offsets.size() + kQuadsAhead, 0);
    return made;
}

}  // namespace slsc
