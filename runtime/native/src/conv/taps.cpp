#include "conv/taps.hpp"

#include <algorithm>
#include <utility>

#include "conv/geometry.hpp"

namespace slsc {
namespace {

// How much of a group's input the lists of one chunk cover: all kernel rows of it if that fits into the L1 cache,
// else one kernel row, of as many channels as fit. Whole groups of m channels, so that all lists are equally long.
struct Window {
    int kernel_rows, channels;
};

Window choose_window(const ConvGeometry& g, const TapTuning& t, int channels, int m) {
    const int64_t row = int64_t(sizeof(float)) * t.lanes * g.packed_columns;  // bytes, of one channel
    if (((g.kh - 1) * g.dh + 1) * row * channels <= t.window_bytes) return {g.kh, channels};
    const int most = int(std::max<int64_t>(1, t.window_bytes / row));
    if (channels <= most) return {1, channels};
    const int chunks = (channels + most - 1) / most, even = (channels + chunks - 1) / chunks;
    const int whole = (even + m - 1) / m * m;
    return {1, whole <= most ? whole : most < m ? even : most / m * m};
}

// A list being made.
struct Draft {
    uint32_t output;
    std::vector<std::pair<uint16_t, float>> taps;
};

// Orders lists by length: a loop whose length changes from call to call costs a mispredicted branch every time. By offset
// within a list, so that the input is walked forwards.
void order_lists(Draft* begin, Draft* end) {
    for (Draft* list = begin; list != end; ++list)
        std::sort(list->taps.begin(), list->taps.end(), [](auto& a, auto& b) { return a.first < b.first; });
    std::stable_sort(begin, end, [](const Draft& a, const Draft& b) { return a.taps.size() < b.taps.size(); });
}

// Appends a list or a pair of them.
void append(TapLists& to, const Draft* list, int count) {
    const uint32_t taps = uint32_t(list->taps.size());
    for (int k = 0; k < count; ++k) to.lists.push_back({list[k].output, uint32_t(to.offsets.size()) + k, taps, count > 1});
    for (size_t i = 0; i < taps; i += kQuad)
        for (int k = 0; k < count; ++k) {
            uint64_t offsets = 0;
            for (size_t j = 0; j < kQuad; ++j) {
                const auto [offset, weight] = i + j < taps ? list[k].taps[i + j] : std::pair<uint16_t, float>{};
                offsets |= uint64_t(offset) << (16 * j);
                to.weights.push_back(weight);
            }
            to.offsets.push_back(offsets);
        }
}

// Lists of the taps that `weights` are, by chunks of `window`; `point`: a tap's offset is its channel.
TapLists list_windows(const ConvParams& conv, const std::vector<Weight>& weights, const Window& window, bool point, bool pairs,
                      const ConvGeometry& g) {
    const int groups = conv.groups, in_group = conv.channels / groups, out_group = conv.made / groups;
    const int parts = (in_group + window.channels - 1) / window.channels, sets = g.kh / window.kernel_rows;
    TapLists made;
    made.kernel_rows = window.kernel_rows;
    std::vector<Draft> drafts;
    for (int group = 0; group < groups; ++group)
        for (int part = 0; part < parts; ++part) {
            const int c = part * window.channels;
            made.chunks.push_back({group * in_group + c, std::min(window.channels, in_group - c), group * out_group, out_group,
                                   part, parts, drafts.size()});
            for (int set = 0; set < sets; ++set)
                for (int k = 0; k < out_group; ++k) drafts.push_back({uint32_t(group * out_group + k), {}});
        }
    for (const Weight& w : weights) {
        const int group = w.output / out_group, part = (w.channel - group * in_group) / window.channels;
        const Chunk& chunk = made.chunks[group * parts + part];
        const int64_t row = int64_t(w.row % window.kernel_rows) * g.dh * chunk.channels + w.channel - chunk.first_channel;
        const size_t list = size_t(w.row / window.kernel_rows) * out_group + (w.output - chunk.first_output);
        drafts[chunk.first_list + list].taps.push_back({uint16_t(point ? row : row * g.packed_columns + w.column * g.dw), w.value});
    }
    for (const Chunk& chunk : made.chunks)
        for (int set = 0; set < sets; ++set) {
            Draft* first = drafts.data() + chunk.first_list + size_t(set) * out_group;
            order_lists(first, first + out_group);
            for (int k = 0, count; k < out_group; k += count) {
                const bool alike = k + 1 < out_group && first[k].taps.size() == first[k + 1].taps.size();
                count = pairs && alike ? 2 : 1;
                append(made, first + k, count);
            }
        }
    made.offsets.resize(made.offsets.size() + kQuadsAhead, 0);
    return made;
}

ConvGeometry geometry_of(const ConvParams& conv, const TapTuning& tuning) {
    return conv_geometry(conv, tuning.lanes, tuning.rows, tuning.columns);
}

}  // namespace

bool suits_taps(const ConvSource& source, const ConvTuning&) { return !source.pair; }

std::shared_ptr<const void> prepare_taps(const ConvSource& source, const ConvTuning& tuning) {
    const ConvParams& conv = source.op.conv;
    const ConvGeometry g = geometry_of(conv, tuning.taps);
    const Window window = choose_window(g, tuning.taps, conv.channels / conv.groups, source.group());
    return held_view(list_windows(conv, source.weights, window, false, tuning.taps.pairs, g));
}

bool suits_point(const ConvSource& source, const ConvTuning&) { return !source.pair && is_point(source.op.conv); }

std::shared_ptr<const void> prepare_point(const ConvSource& source, const ConvTuning& tuning) {
    const ConvParams& conv = source.op.conv;
    const Window whole{1, conv.channels / conv.groups};
    return held_view(list_windows(conv, source.weights, whole, true, false, geometry_of(conv, tuning.taps)));
}

}  // namespace slsc
