// The whole of one instruction set. Define LANES and ISA_NAME, then include this inside a namespace of its own.
// Nothing here may call a template or inline function of a shared header that is not always inlined: the linker keeps
// one copy, which might be this one, of instructions that another processor lacks.

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
#include "point.inl"
#include "pool.inl"
#include "reduce.inl"
#include "resize.inl"
#include "shuffle.inl"
//
#include "conv_variants.inl"

static const Kernels TABLE = {
    ISA_NAME,
    LANES,
    // In the order of OpType.
    {
        {nullptr, nullptr, nullptr},  // Conv: by its variant
        {elementwise_items, binary_run, nullptr},
        {elementwise_items, unary_run, nullptr},
        {pool_items, pool_run, nullptr},
        {global_mean_items, global_mean_run, nullptr},
        {resize_items, resize_run, resize_scratch},
        {pad_items, pad_run, nullptr},
        {depth_to_space_items, depth_to_space_run, nullptr},
        {space_to_depth_items, space_to_depth_run, nullptr},
        {channel_mean_items, channel_mean_run, nullptr},
    },
    CONV_VARIANTS,
    {TUNING, DENSE_TUNING, FEW_OUTPUTS_TUNING, TAP_COST},
    to_strips,
    from_strips,
};
