// Weights of convolutions of packed values, for any mask. Lanes are output channels: of a few kept input channels of one pixel (four of
// U8, two of BF16), each lane picks its own out of a block of channels, and adds up their products with its weights. Such a step is a
// tap: for every lane so many positions within the block, and as many weights, each as wide as a channel. Processors that multiply
// matrices have weights as tiles instead where that is faster.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "conv/tuning.hpp"
#include "conv/variant.hpp"
#include "conv/weights.hpp"

namespace slsc {

// Where the channels of a tap are.
struct TapPlace {
    int32_t line;  // kernel row times blocks, and block
    int32_t offset;  // bytes from the window's first pixel
};

// View of PackedWeights, as the kernel takes it. Lists are by set of as many outputs as there are lanes.
struct PackedConv {
    int sets = 0;
    int lines = 0;  // kernel rows times blocks of input channels
    bool by_pixel = false;  // OutputOrder
    const uint32_t* first = nullptr;  // by set, and the end: the first of its small taps (PackedTuning), and of the others
    const TapPlace* places = nullptr;  // by tap
    const uint8_t* taps = nullptr;  // by tap: a vector of positions, and one of weights
    const uint8_t* tiles = nullptr;  // conv/packed_tiles.hpp; null: by taps
    const int32_t* start = nullptr;  // of integers, by output: what makes up for in.zero
    const float* scale = nullptr;  // of integers, by output: in.scale times its weights'
    const float* bias = nullptr;  // by output
    const float* slopes = nullptr;  // by output, of a PRelu
};

struct alignas(64) CacheLine {
    uint8_t bytes[64];
};

struct PackedWeights {
    int sets = 0, lines = 0;
    bool by_pixel = false;
    std::vector<uint32_t> first;
    std::vector<TapPlace> places;
    std::vector<CacheLine> taps, tiles;
    std::vector<int32_t> start;
    std::vector<float> scale, bias, slopes;

    static const uint8_t* bytes_of(const std::vector<CacheLine>& lines) { return lines.empty() ? nullptr : lines.front().bytes; }

    PackedConv view() const {
        return {sets,         lines,        by_pixel,    first.data(), places.data(), bytes_of(taps), bytes_of(tiles),
                start.data(), scale.data(), bias.data(), slopes.data()};
    }
};

// What stands for 0 where bytes are multiplied.
inline int32_t zero_of(const Quantization& in, const PackedTuning& tuning) { return int32_t(in.zero) - (tuning.signs ? 128 : 0); }

// A weight as it is multiplied: an integer of 8 bits, or the upper half of a number.
void store_weight(float weight, const PackedTuning& tuning, uint8_t* to);

// The order in which lanes hold outputs.
enum class OutputOrder {
    AsPlanned,
    ByPixel  // of the shuffle: all channels of its first pixel, then of the next
};

// `weights`: the integers that IntConv `op` keeps.
std::shared_ptr<const void> prepare_int_conv(const Plan& plan, const Op& op, const std::vector<Weight>& weights,
                                             const PackedTuning& tuning, OutputOrder order);

// `weights`: those that HalfConv `op` keeps, numbers of BF16.
std::shared_ptr<const void> prepare_half_conv(const Plan& plan, const Op& op, const std::vector<Weight>& weights,
                                              const PackedTuning& tuning);

// Time that it takes for a pixel, in FMAs of a sparse convolution of float32.
double half_conv_cost(const Plan& plan, const Op& op, const std::vector<Weight>& weights, const PackedTuning& tuning);

}  // namespace slsc
