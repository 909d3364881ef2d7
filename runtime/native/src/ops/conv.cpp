#include <bitset>
#include <string>

#include "conv/geometry.hpp"
#include "ops/specs.hpp"
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
    check.in("combine", int32_t(conv.combine), 0, int32_t(Combine::AddTimesGate));
    if (conv.combine == Combine::AddTimesGate) {
        check.good(check.plan().names(kGates), "combine is 4, and the plan does not name the feature \"gates\"");
        check.good(check.op().act == Act::Sigmoid, "combine is 4, and act is no sigmoid");
    }
    check.in("shuffle", conv.shuffle, 1, kMaxShuffle);
    check.good(conv.made % (conv.shuffle * conv.shuffle) == 0, "shuffle squared does not divide made");
    if (conv.combine == Combine::None) check.no_second_input();
    else check.second_input();
    const int64_t weights = weight_count(conv, m);
    check.weights(conv.weights, weights, conv.made);
    if (conv.n == 0 || conv.n == m) {
        check.no_array("positions", conv.positions);
        check.in("kept", check.op().kept, 0, 0);
    } else {
        check.array("positions", conv.positions, DType::U8, weights);
        check.in("kept", check.op().kept, 0, conv.n);
        check_positions(check, conv, m);
    }
    check.optional_floats("bias", conv.bias, conv.made);
}

// Of a convolution that can make packed values.
void check_packed_out(const OpCheck& check) {
    const Op& op = check.op();
    check.in("out", op.out, 0, int64_t(check.plan().values.size()) - 1);
    const DType out = check.plan().values[op.out].dtype;
    if (out == DType::F32) return;
    check.good(op.conv.combine == Combine::None, std::string("combine is not 0 where out is of ") + name_of(out));
    check.good(op.conv.shuffle == 1, std::string("shuffle is not 1 where out is of ") + name_of(out));
}

void check_int_conv(const OpCheck& check) {
    const IntConvParams& conv = check.op().int_conv;
    const Plan& plan = check.plan();
    check_conv(check);
    check.good(plan.arrays[conv.conv.weights].dtype == DType::I8, "weights is not of I8");
    check.quantization("in_", conv.in);
    check.quantization("out_", conv.out);
    const int64_t each = weight_count(conv.conv, int(plan.header.m)) / conv.conv.made;
    check.good(each <= kMaxIntWeights, "an output has " + std::to_string(each) + " weights, more than 32 bits can sum");
    check_packed_out(check);
}

void check_half_conv(const OpCheck& check) {
    check_conv(check);
    const Op& op = check.op();
    check.good(check.plan().arrays[op.conv.weights].dtype == DType::BF16, "weights is not of BF16");
    check_packed_out(check);
    if (op.in[1] < 0 || check.plan().values[op.in[1]].dtype != DType::BF16) return;
    check.good(check.plan().names(kHalfOperands), "in[1] is of BF16, and the plan does not name the feature \"half-operands\"");
    check.good(op.conv.shuffle == 1, "shuffle is not 1 where in[1] is of BF16");
}

bool types_of_int_conv(DType in, DType out) { return in == DType::U8 && (out == DType::U8 || out == DType::F32); }
bool types_of_half_conv(DType in, DType out) { return in == DType::BF16 && (out == DType::BF16 || out == DType::F32); }

Channels channels(const Op& op) {
    const int out = op.conv.made / (op.conv.shuffle * op.conv.shuffle);
    return {op.conv.channels, out, out};
}

const char* shape(const Op& op, const Shape& in0, const Shape* in1, Extent& out) {
    const ConvParams& p = op.conv;
    if (in0.pixel && !(is_point(p) && p.shuffle == 1)) return "a window over a single pixel";
    const Window down{p.kernel_h, p.stride_h, p.pad.top, p.pad.bottom, p.dilation_h, false};
    const Window across{p.kernel_w, p.stride_w, p.pad.left, p.pad.right, p.dilation_w, false};
    if (!strided(in0, down, across, out)) return "strips cannot be cut by the stride";
    out.height *= p.shuffle, out.width *= p.shuffle, out.rows *= p.shuffle;
    return p.combine == Combine::None || same_size(out, *in1) ? nullptr : "its two inputs differ in size";
}

Columns reads(const Op& op, int input, const Shape& in, const Shape&, int x) {
    const ConvParams& p = op.conv;
    if (input == 1) return within(in, x, x + 1);
    const int first = x / p.shuffle * p.stride_w - p.pad.left;
    return within(in, first, first + (p.kernel_w - 1) * p.dilation_w + 1);
}

int unit(const Op& op, const Shape&) { return op.conv.shuffle; }

// What it adds or multiplies to its sums.
int in_place(const Op& op) { return op.conv.combine != Combine::None && op.in[0] != op.in[1] ? 1 : -1; }

OpArrays arrays(const Op& op) { return {op.conv.bias, -1, -1}; }

}  // namespace

const OpSpec kConv{"Conv", sizeof(ConvParams), true, check_conv, channels, shape, reads, unit, in_place, false, arrays};

const OpSpec kIntConv{"IntConv", sizeof(IntConvParams), true, check_int_conv, channels, shape, reads, unit, in_place, false,
                      arrays,    types_of_int_conv};

const OpSpec kHalfConv{"HalfConv", sizeof(HalfConvParams), true, check_half_conv, channels, shape, reads, unit, in_place, false,
                       arrays,     types_of_half_conv};

}  // namespace slsc
