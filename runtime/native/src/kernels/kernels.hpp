// What every instruction set offers: a table of operations and one of convolution variants. Work is split into independent items;
// which thread runs which item does not change a bit of the result.
#pragma once

#include <cstddef>
#include <cstdint>

#include "conv/tuning.hpp"
#include "memory/layout.hpp"
#include "plan/ops.hpp"

namespace slsc {

struct ConvVariant;

// Which pixels of what a convolution makes, before its shuffle, are one candidate's.
struct ChosenPixels {
    const uint32_t* lanes;          // [column region][row of a strip]: bit l for lane l
    const uint16_t* column_region;  // by column
    int rows;                       // of a strip
};

// Rows and columns of what a convolution makes, before its shuffle.
struct Region {
    int y, rows, x, columns;
};

struct Area {
    int rows, columns;
};

constexpr int kMostQuantized = 4;

// A packed value that a convolution of such makes beside its result by pixel, from that.
struct QuantizedResult {
    View out;
    int channel;  // the first that it makes
    Quantization quantization;  // of U8
    const float* factors;  // of U8; or null
};

struct Job {
    const Op* op = nullptr;
    View in0, in1, out;
    int from = 0, to = 0;           // columns of the output to make; multiples of its shuffle
    const void* weights = nullptr;  // Conv: what its variant has prepared
    const float *bias = nullptr, *scale = nullptr, *shift = nullptr;  // where the operation has them
    const float* slopes = nullptr;   // PRelu
    const ChosenPixels* chosen = nullptr;  // Conv: those to make; null for all
    QuantizedResult quantized[kMostQuantized];  // IntConv, HalfConv
    int quantized_count = 0;
    const Job* sibling = nullptr;    // Conv by taps: a 1x1 convolution to run with it, see program/siblings.hpp
};

struct OpKernel {
    int (*items)(const Job&);
    void (*run)(const Job&, int item, float* scratch);
    size_t (*scratch_floats)(const Job&);  // null: none
    // Of Conv: the largest region that is made at once, and what makes one, which lies in one block.
    Area (*area)(const Job&) = nullptr;
    void (*run_region)(const Job&, const Region&, float* scratch) = nullptr;
};

// Where bytes are multiplied fast.
struct IntKernels {
    OpKernel int_conv;
    OpKernel folded_bytes;  // Conv that is a folded pair, of a value of U8
};

struct Kernels {
    const char* isa;
    int lanes;
    OpKernel ops[kOpTypes];            // by type, but for Conv, which has variants
    const ConvVariant* conv_variants;  // the first that suits a convolution runs it; the last suits all but folded pairs
    ConvTuning tuning;
    // Rows [from, to) of planes to those columns of strips, and back, in so many items.
    int (*strip_items)(const View& value);
    void (*to_strips)(const Planes& planes, const View& value, int from, int to, int item);
    void (*from_strips)(const View& value, const Planes& planes, int from, int to, int item);
    OpKernel rearrange;  // a Unary that does nothing, from strips to values by pixel or back
    bool fast_integers, fast_halves;  // IntConv and HalfConv are faster than Conv
    const IntKernels* integers = nullptr;  // in which integers are, beside `ops`

    const OpKernel& op(OpType type) const { return ops[size_t(type) - 1]; }
};

// Null where the instruction set was not compiled in.
const Kernels* kernels_avx512();
const Kernels* kernels_avx2();
const Kernels* kernels_neon();
const Kernels* kernels_portable();

// Of AVX-512 with AMX, of that with VBMI and VNNI, of AVX2 with AVX-VNNI, and of NEON with dot products; null where it was not compiled in.
const IntKernels* integers_avx512_amx();
const IntKernels* integers_avx512_vnni();
const IntKernels* integers_avx2_vnni();
const IntKernels* integers_neon_dot();

// HalfConv of AVX-512 with AMX, and of that with BF16; null where it was not compiled in.
const OpKernel* half_conv_avx512_amx();
const OpKernel* half_conv_avx512_bf16();

// The table of `isa` ("amx", "avx512", "avx2", "neon", "portable"), or the best this processor runs for null; null when it is not there.
const Kernels* select_kernels(const char* isa);

}  // namespace slsc
