// A dense convolution with so few outputs that the sums of all of them stay in registers: how a network often ends.
#pragma once

#include <vector>

#include "plan/plan.hpp"
#include "conv/weights.hpp"

namespace slsc {

constexpr int kFewOutputs = 4;
constexpr int kFewRows = 16;  // most rows of the kernel

// How an instruction set cuts such a convolution up; see kernels/few.inl.
struct FewTuning {
    int lanes;
    int rows, columns;  // of a region
    int window_bytes;   // most that the rows may take which one row of a region reads
};

// Whether a Conv has stride 1, dilation 1 and one group.
bool is_plain(const Op& op);

// Whether such a Conv makes as many rows and columns as it reads.
bool keeps_size(const Op& op);

// Whether kernels/few.inl can run Conv `op`, and its input stays in the second-level cache from row to row.
bool suits_few(const Op& op, const FewTuning& tuning);

// Weights of Conv `op`, zeros too: [kernel row][channel][kernel column][output].
std::vector<float> list_few(const Op& op, const std::vector<Weight>& weights);

}  // namespace slsc
