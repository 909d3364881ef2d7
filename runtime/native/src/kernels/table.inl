// The whole of one instruction set. Define LANES and ISA_NAME, then include this inside a namespace of its own.
// Nothing here may call a template or inline function of a shared header that is not always inlined: the linker keeps
// one copy, which might be this one, of instructions that another processor lacks.

// clang-format off: each needs some of those before it
#include "lanes.inl"
//
#include "activate.inl"
#include "region.inl"
#include "taps.inl"
#include "convert.inl"
#include "dense.inl"
#include "elementwise.inl"
#include "few_outputs.inl"
#include "folded_pair.inl"
#include "pad.inl"
#include "by_pixel.inl"
#include "packed.inl"
//
#include "bytes.inl"
#include "halves.inl"
//
#include "dot2.inl"
#include "dot4.inl"
//
#include "half_conv.inl"
#include "int_conv.inl"
#include "point.inl"
#include "pool.inl"
#include "reduce.inl"
#include "resize.inl"
#include "shuffle.inl"
//
#include "conv_variants.inl"
// clang-format on

#define SLSC_OP(Name, name) name##_kernel,
static const Kernels TABLE = {
    ISA_NAME,
    LANES,
    {SLSC_OPS(SLSC_OP)},
    CONV_VARIANTS,
    {TUNING, DENSE_TUNING, FEW_OUTPUTS_TUNING, INT_TUNING, HALF_TUNING, TAP_COST},
    strip_items,
    to_strips,
    from_strips,
    rearrange_kernel,
    FAST_DOT4 != 0,
    false,
};
#undef SLSC_OP
