// Weights of convolutions of packed values as matrices, for processors that multiply those: whatever the mask, each has all channels of
// a block, as groups that fill a lane, by a set of outputs.
#pragma once

#include <cstddef>
#include <vector>

#include "conv/packed_conv.hpp"

namespace slsc {

constexpr size_t kTileBytes = 1024;  // 16 groups of channels by 16 outputs, of 4 bytes each

// Whether a convolution takes less time by tiles than by so many taps.
bool suits_tiles(const Op& op, const PackedWeights& made, const PackedTuning& tuning);

// By set, line and column of the kernel. `weights`: their outputs are where they lie.
std::vector<CacheLine> tiles_of(const Op& op, const PackedWeights& made, const std::vector<Weight>& weights,
                                const PackedTuning& tuning);

}  // namespace slsc
