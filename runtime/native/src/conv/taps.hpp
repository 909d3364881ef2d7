// Convolution by taps: its kept weights one by one, listed by chunk of input channels and output channel. Runs any convolution.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "conv/variant.hpp"

namespace slsc {

// Taps come in quads: four offsets in one word, the first in its lowest 16 bits, beside four weights. A kernel reads words
// two quads ahead: a loaded offset is the address of the loads that keep the processor's load ports full, and would wait
// behind them if it were asked for when it is needed. An offset counts pixels of a chunk's packed input, which is
// [row][channel][column], from the first one that a list covers; where the input is read pixel by pixel (kernels/point.inl),
// channels of the group.
constexpr int kQuad = 4;
constexpr int kQuadsAhead = 2;

// Taps of one output channel: quads, the last filled up with anything. They follow each other, or, of a pair of lists, which
// are equally long, take turns with the other's.
struct TapList {
    uint32_t output;
    uint32_t first_quad;
    uint32_t taps;
    bool paired;  // with the one behind or before it
};

// Consecutive input channels of one convolution group, which has `parts` chunks, and the outputs they feed. There are
// `outputs` lists for the first kernel rows, then as many for the next ones, all following each other.
struct Chunk {
    int first_channel, channels;
    int first_output, outputs;
    int part, parts;
    size_t first_list;
};

// View of a TapLists, as the kernels take it.
struct Taps {
    int kernel_rows = 1;  // that a list covers: all or one
    int chunk_count = 0;
    const Chunk* chunks = nullptr;
    const TapList* lists = nullptr;
    const uint64_t* offsets = nullptr;  // of quads
    const float* weights = nullptr;     // of taps: 4 for each quad
};

struct TapLists {
    int kernel_rows = 1;
    std::vector<Chunk> chunks;
    std::vector<TapList> lists;
    std::vector<uint64_t> offsets;  // kQuadsAhead more than there are quads
    std::vector<float> weights;

    Taps view() const { return {kernel_rows, int(chunks.size()), chunks.data(), lists.data(), offsets.data(), weights.data()}; }
};

// The rows of kernels/taps.inl and kernels/point.inl.
bool suits_taps(const ConvSource& source, const ConvTuning& tuning);
std::shared_ptr<const void> prepare_taps(const ConvSource& source, const ConvTuning& tuning);
bool suits_point(const ConvSource& source, const ConvTuning& tuning);
std::shared_ptr<const void> prepare_point(const ConvSource& source, const ConvTuning& tuning);

}  // namespace slsc
