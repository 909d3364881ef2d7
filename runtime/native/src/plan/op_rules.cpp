#include "plan/op_rules.hpp"

#include <bitset>
#include <iterator>

#include "plan/arrays.hpp"
#include "plan/bounds.hpp"

namespace slsc {
namespace {

// Positions of sparse weights: within the group and distinct.
void check_positions(const OpCheck& check, const ConvParams& conv, int m) {
    const int channels = conv.channels / conv.groups;
    const int groups = (channels + m - 1) / m, last_size = channels - (groups - 1) * m;
    const int last_kept = kept_in_group(conv.n, m, last_size);
    const int64_t kernels = int64_t(conv.made) * conv.kernel_h * conv.kernel_w;
    const uint8_t* position = check.plan().data(conv.positions);
    const auto groups_at = [&](int rank) { return rank < last_kept ? groups : groups - 1; };
    for (int64_t kernel = 0; kernel < kernels; ++kernel)
        for (int group = 0; group < groups; ++group) {
            const bool last = group == groups - 1;
            std::bitset<kMaxGroup> seen;
            int64_t rank_start = 0;
            for (int rank = 0; rank < (last ? last_kept : conv.n); ++rank) {
                const int at = position[rank_start + kernel * groups_at(rank) + group];
                if (at >= (last ? last_size : m)) check.good(false, "positions has one outside its group");
                if (seen[at]) check.good(false, "positions has one twice in a group");
                seen[at] = true;
                rank_start += kernels * groups_at(rank);
            }
        }
}

void check_conv(const OpCheck& check) {
    const ConvParams& conv = check.op().conv;
    const int m = int(check.plan().header.m);
    check.in("made", conv.made, 1, kMaxChannels);
    check.in("kernel_h", conv.kernel_h, 1, kMaxKernel);
    check.in("kernel_w", conv.kernel_w, 1, kMaxKernel);
    check.in("stride_h", conv.stride_h, 1, kMaxStride);
    check.in("stride_w", conv.stride_w, 1, kMaxStride);
    check.sides("pad_", conv.pad, 0, kMaxConvPad);
    check.in("dilation_h", conv.dilation_h, 1, kMaxDilation);
    check.in("dilation_w", conv.dilation_w, 1, kMaxDilation);
    check.in("dilation_h * (kernel_h - 1) + 1", conv.dilation_h * (conv.kernel_h - 1) + 1, 1, kMaxDilatedKernel);
    check.in("dilation_w * (kernel_w - 1) + 1", conv.dilation_w * (conv.kernel_w - 1) + 1, 1, kMaxDilatedKernel);
    check.in("groups", conv.groups, 1, conv.channels);
    check.good(conv.channels % conv.groups == 0 && conv.made % conv.groups == 0, "groups does not divide channels and made");
    check.in("n", conv.n, 0, m);
    check.in("combine", int32_t(conv.combine), 0, int32_t(Combine::ActThenMul));
    check.in("shuffle", conv.shuffle, 1, kMaxShuffle);
    check.good(conv.made % (conv.shuffle * conv.shuffle) == 0, "shuffle squared does not divide made");
    if (conv.combine == Combine::None) check.no_second_input();
    else check.second_input();
    const int64_t weights = weight_count(conv, m);
    check.weights(conv.weights, weights, conv.made);
    if (conv.n == 0 || conv.n == m) {
        check.no_array("positions", conv.positions);
    } else {
        check.array("positions", conv.positions, DType::U8, weights);
        check_positions(check, conv, m);
    }
    check.optional_floats("bias", conv.bias, conv.made);
}

void check_binary(const OpCheck& check) {
    const BinaryParams& binary = check.op().binary;
    check.in("kind", int32_t(binary.kind), 0, int32_t(BinaryKind::RevDiv));
    check.in("spread", int32_t(binary.spread), 0, int32_t(Spread::Channel));
    check.second_input();
}

void check_unary(const OpCheck& check) {
    const UnaryParams& unary = check.op().unary;
    check.no_second_input();
    check.optional_floats("scale", unary.scale, unary.channels);
    check.optional_floats("shift", unary.shift, unary.channels);
}

void check_pool(const OpCheck& check) {
    const PoolParams& pool = check.op().pool;
    check.no_second_input();
    check.in("kind", int32_t(pool.kind), 0, int32_t(PoolKind::AverageWithPadding));
    check.in("kernel_h", pool.kernel_h, 1, kMaxKernel);
    check.in("kernel_w", pool.kernel_w, 1, kMaxKernel);
    check.in("stride_h", pool.stride_h, 1, kMaxStride);
    check.in("stride_w", pool.stride_w, 1, kMaxStride);
    check.in("pad_top", pool.pad.top, 0, pool.kernel_h - 1);
    check.in("pad_left", pool.pad.left, 0, pool.kernel_w - 1);
    check.in("pad_bottom", pool.pad.bottom, 0, pool.kernel_h - 1);
    check.in("pad_right", pool.pad.right, 0, pool.kernel_w - 1);
    check.in("ceil_mode", pool.ceil_mode, 0, 1);
}

void check_resize(const OpCheck& check) {
    const ResizeParams& resize = check.op().resize;
    check.in("kind", int32_t(resize.kind), 0, int32_t(ResizeKind::Cubic));
    check.in("coordinates", int32_t(resize.coordinates), 0, int32_t(Coordinates::Asymmetric));
    check.in("rounding", int32_t(resize.rounding), 0, int32_t(Rounding::PreferCeil));
    check.finite("cubic", resize.cubic);
    if (resize.numerator == 0) {
        check.in("denominator", resize.denominator, 0, 0);
        check.second_input();
    } else {
        check.in("numerator", resize.numerator, 1, kMaxScale);
        check.in("denominator", resize.denominator, 1, kMaxScale);
        check.no_second_input();
    }
}

void check_pad(const OpCheck& check) {
    const PadParams& pad = check.op().pad;
    check.no_second_input();
    check.in("kind", int32_t(pad.kind), 0, int32_t(PadKind::Edge));
    check.sides("", pad.sides, -kMaxPad, kMaxPad);
    check.in("parts", pad.parts, 0, kMaxScale);
    const int most = pad.parts ? kMaxScale : 0;
    check.sides("share_", pad.shares, -most, most);
    check.finite("value", pad.value);
}

void check_depth_to_space(const OpCheck& check) {
    const DepthToSpaceParams& shuffle = check.op().depth_to_space;
    check.no_second_input();
    check.in("block", shuffle.block, 1, kMaxShuffle);
    check.good(shuffle.channels % (shuffle.block * shuffle.block) == 0, "block squared does not divide channels");
}

void check_space_to_depth(const OpCheck& check) {
    check.no_second_input();
    check.in("block", check.op().space_to_depth.block, 1, kMaxShuffle);
}

void check_mean(const OpCheck& check) { check.no_second_input(); }

// In the order of OpType.
constexpr OpRule kRules[] = {
    {"Conv", sizeof(ConvParams), true, check_conv},
    {"Binary", sizeof(BinaryParams), true, check_binary},
    {"Unary", sizeof(UnaryParams), true, check_unary},
    {"Pool", sizeof(PoolParams), false, check_pool},
    {"GlobalMean", sizeof(GlobalMeanParams), false, check_mean},
    {"Resize", sizeof(ResizeParams), false, check_resize},
    {"Pad", sizeof(PadParams), false, check_pad},
    {"DepthToSpace", sizeof(DepthToSpaceParams), false, check_depth_to_space},
    {"SpaceToDepth", sizeof(SpaceToDepthParams), false, check_space_to_depth},
    {"ChannelMean", sizeof(ChannelMeanParams), false, check_mean},
};

}  // namespace

const OpRule* rule_of(uint32_t type) { return type >= 1 && type <= std::size(kRules) ? &kRules[type - 1] : nullptr; }

}  // namespace slsc
