#include "conv/packed_tiles.hpp"

#include <cstdint>
#include <cstring>

#include "memory/layout.hpp"

namespace slsc {
namespace {

// Measured, see docs/experiments.md: the time of a tile over that of a tap, sums that go through memory included.
constexpr double kTileCost = 1.2;

// Most that the pixels may take which the windows of a tile read.
constexpr size_t kMostWindowBytes = 512 << 10;

size_t window_bytes(const ConvParams& conv, const PackedWeights& made, int pixels) {
    const size_t columns = size_t(pixels - 1) * conv.stride_w + size_t(conv.kernel_w - 1) * conv.dilation_w + 1;
    return made.lines * columns * sizeof(CacheLine);
}

size_t tiles_in(const Op& op, const PackedWeights& made) { return size_t(made.sets) * made.lines * op.conv.kernel_w; }

}  // namespace

bool suits_tiles(const Op& op, const PackedWeights& made, const PackedTuning& tuning) {
    if (!tuning.tiles || window_bytes(op.conv, made, tuning.lanes) > kMostWindowBytes) return false;
    return double(made.places.size()) > kTileCost * double(tiles_in(op, made));
}

std::vector<CacheLine> tiles_of(const Op& op, const PackedWeights& made, const std::vector<Weight>& weights,
                                const PackedTuning& tuning) {
    std::vector<CacheLine> tiles(tiles_in(op, made) * kTileBytes / sizeof(CacheLine), CacheLine{});
    const int blocks = packed_blocks(op.conv.channels, tuning.each(), tuning.lanes);
    for (const Weight& w : weights) {
        const int set = w.output / tuning.lanes, line = w.row * blocks + w.channel / tuning.block();
        const int group = w.channel % tuning.block() / tuning.channels;
        const size_t tile = (size_t(set) * made.lines + line) * op.conv.kernel_w + w.column;
        const int byte = 4 * (w.output % tuning.lanes) + w.channel % tuning.channels * tuning.each();
        store_weight(w.value, tuning, tiles[tile * kTileBytes / sizeof(CacheLine) + group].bytes + byte);
    }
    return tiles;
}

}  // namespace slsc
