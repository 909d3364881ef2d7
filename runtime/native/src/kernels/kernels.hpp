// What every instruction set offers: one table of operations. An operation is split into independent items; which thread
// runs which item does not change a bit of the result.
#pragma once

#include <cstddef>
#include <cstdint>

#include "conv/dense.hpp"
#include "conv/few_outputs.hpp"
#include "memory/layout.hpp"
#include "conv/folded_pair.hpp"
#include "plan/plan.hpp"
#include "conv/taps.hpp"

namespace slsc {

struct Job {
    const Op* op = nullptr;
    View in0, in1, out;
    int from = 0, to = 0;           // columns of the output to make; multiples of its shuffle
    Taps taps;                      // Conv by taps
    Dense dense;                    // Conv by dense blocks, where it has panels
    const float* few = nullptr;     // Conv with few outputs: its weights
    Merged merged;                  // Conv that two were made, where it has rows
    const float* bias = nullptr;    // Conv
    const float* scale = nullptr;   // Unary
    const float* shift = nullptr;   // Unary
    const float* slopes = nullptr;  // PRelu
    const Job* beside = nullptr;    // Conv by taps: a 1x1 convolution to run with it, see beside.hpp
};

struct OpKernel {
    int (*items)(const Job&);
    void (*run)(const Job&, int item, float* scratch);
    size_t (*scratch_floats)(const Job&);  // null: none
};

struct Kernels {
    const char* isa;
    int lanes;
    OpKernel conv, binary, unary, pool, global_mean, resize, pad, depth_to_space, space_to_depth, channel_mean;
    TapTuning tuning;
    DenseTuning dense_tuning;
    FewTuning few_tuning;
    double tap_cost;  // time of a multiply-add by taps over that of a dense one
    // Planar image rows to strips and back, columns [from, to); items are strip rows of channels: channels * rows.
    void (*to_strips)(const float* planar, const View& value, int from, int to, int item);
    void (*from_strips)(const View& value, float* planar, int from, int to, int item);
};

// Null where the instruction set was not compiled in. `isa`: "avx512", "avx2", "neon", "portable".
const Kernels* kernels_avx512();
const Kernels* kernels_avx2();
const Kernels* kernels_neon();
const Kernels* kernels_portable();

// The table of `isa`, or the best this processor runs for null; null when it is not there.
const Kernels* select_kernels(const char* isa);

}  // namespace slsc
