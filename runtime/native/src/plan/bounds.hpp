// Bounds that keep every later product far from overflow, and a small file from asking for gigabytes. Lowering refuses by the
// node's name what they exclude: slsc/passes/lowering/limits.py mirrors them, and a test compares the two.
#pragma once

#include <cstdint>

namespace slsc {

constexpr uint32_t kMaxFeatures = 64;
constexpr uint32_t kMaxRecords = 1 << 14;  // values, arrays, operations
constexpr uint64_t kMaxBlob = uint64_t(1) << 31;
constexpr int kMaxChannels = 1 << 14;
constexpr int kMaxKernel = 64, kMaxStride = 16, kMaxDilation = 64;
constexpr int kMaxDilatedKernel = 128;  // dilation * (kernel - 1) + 1
constexpr int kMaxConvPad = 128;
constexpr int kMaxPad = 1 << 12;
constexpr int kMaxShuffle = 16;
constexpr int kMaxScale = 64;  // numerator, denominator, parts
constexpr int kMaxRowAlign = 1 << 10;
constexpr int kMaxGroup = 256;
constexpr int kMaxIntWeights =
    (1 << 15) - 1;  // of one output of an IntConv: sums of 255 * 128, and what makes up for in.zero, fit 32 bits
constexpr int kMaxUses = 64;  // of each weight, on average: recursive networks share them

}  // namespace slsc
