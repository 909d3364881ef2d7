#include "plan/check.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "ops/spec.hpp"
#include "plan/arrays.hpp"
#include "plan/bounds.hpp"
#include "plan/channel_ranges.hpp"
#include "support/error.hpp"

namespace slsc {
namespace {

void good(bool good, const std::string& why) { require(good, SLSC_BAD_PLAN, why); }

void check_header(const Header& header) {
    good(header.input < header.values, "header: input is no value");
    good(header.output < header.values, "header: output is no value");
    good(header.row_align >= 1 && header.row_align <= kMaxRowAlign,
         "header: row_align is not in 1.." + std::to_string(kMaxRowAlign));
    good(header.m != 1 && header.m <= kMaxGroup, "header: m is not 0 or in 2.." + std::to_string(kMaxGroup));
    good(header.reserved == 0, "header: reserved is not 0");
}

void check_value(const Plan& plan, const Value& value, const std::string& at) {
    good(value.channels >= 1 && value.channels <= kMaxChannels, at + ": channels is not in 1.." + std::to_string(kMaxChannels));
    good(value.dtype <= DType::U8, at + ": dtype " + std::to_string(uint32_t(value.dtype)) + " is not known");
    good(value.dtype != DType::I8, at + ": dtype is I8, where only F32, BF16 and U8 can be run");
    if (value.dtype == DType::F32) return;
    const char* feature = value.dtype == DType::U8 ? kInt8 : kBf16;
    good(plan.names(feature),
         at + ": dtype is " + name_of(value.dtype) + ", and the plan does not name the feature \"" + feature + "\"");
}

void check_array(const Plan& plan, const Array& array, const std::string& at) {
    const uint64_t blob = plan.header.blob_bytes;
    good(array.offset % 64 == 0, at + ": offset is no multiple of 64");
    good(array.offset <= blob && array.bytes <= blob - array.offset, at + ": reaches past the file's end");
    good(array.dtype <= DType::U8, at + ": dtype " + std::to_string(uint32_t(array.dtype)) + " is not known");
    good(array.bytes % size_of(array.dtype) == 0, at + ": bytes is no multiple of what one " + name_of(array.dtype) + " takes");
    if (array.dtype != DType::I8) {
        good(array.scale == -1, at + ": scale is not -1, which " + name_of(array.dtype) + " does not take");
        return;
    }
    good(array.scale >= 0 && size_t(array.scale) < plan.arrays.size(), at + ": scale is no array");
    good(plan.arrays[array.scale].dtype == DType::F32, at + ": its scale is not of F32");
}

void check_activation(const OpCheck& check, const OpSpec& spec) {
    const Op& op = check.op();
    check.in("act", int64_t(op.act), 0, spec.activates ? int64_t(Act::Sqrt) : 0);
    if (op.act == Act::PRelu) check.array("slopes", op.slopes, DType::F32, convolves(op) ? op.conv.made : channels_of(op).out);
    else check.no_array("slopes", op.slopes);
    if (op.act == Act::Clip) {
        check.good(op.act_a <= op.act_b, "act_a is not at most act_b");  // infinite bounds are fine, NaN is not
        return;
    }
    check.finite("act_a", op.act_a);
    check.finite("act_b", op.act_b);
}

// Packed values are read whole, and only by what takes them; those of U8 may be written in parts.
void check_types(const OpCheck& check, const OpSpec& spec) {
    const Op& op = check.op();
    const auto value = [&](int32_t index) -> const Value& { return check.plan().values[index]; };
    const DType in = value(op.in[0]).dtype, out = value(op.out).dtype;
    const bool fits = spec.types ? spec.types(in, out) : in == DType::F32 && out == DType::F32;
    check.good(fits, std::string("it reads ") + name_of(in) + " and writes " + name_of(out));
    const bool half_operand = op.type == OpType::HalfConv && op.in[1] >= 0 && value(op.in[1]).dtype == DType::BF16;
    if (op.in[1] >= 0) check.good(half_operand || value(op.in[1]).dtype == DType::F32, "in[1] is not of F32");
    const Channels channels = channels_of(op);
    const auto whole = [&](int32_t index, int count, const char* does) {
        const DType dtype = value(index).dtype;
        const bool all = dtype == DType::F32 || int(value(index).channels) == count;
        check.good(all, std::string("it does not ") + does + " all channels of a value of " + name_of(dtype));
    };
    whole(op.in[0], channels.in0, "read");
    if (half_operand) whole(op.in[1], channels.in1, "read");
    if (value(op.out).dtype != DType::U8) whole(op.out, channels.out, "write");
}

// The channels read exist and were written, the channels written exist and were not.
void check_order(const OpCheck& check, std::vector<Written>& written) {
    const Op& op = check.op();
    const Channels channels = channels_of(op);
    const int reads[2] = {channels.in0, channels.in1};
    for (int i = 0; i < 2; ++i) {
        if (i == 1 && op.in[1] == -1) continue;
        const std::string field = "in[" + std::to_string(i) + "]";
        check.channels(field, op.in[i], op.in_channel[i], reads[i]);
        check.good(written[op.in[i]].covers(op.in_channel[i], op.in_channel[i] + reads[i]),
                   field + " is read before it is written");
    }
    check.channels("out", op.out, op.out_channel, channels.out);
    check.good(uint32_t(op.out) != check.plan().header.input, "out is the image");
    check.good(written[op.out].add(op.out_channel, op.out_channel + channels.out), "out is written twice");
}

// `weights`: that all candidates so far have named.
void check_ops(const Plan& plan, const std::vector<Op>& ops, int64_t& weights) {
    const auto channels = [&](uint32_t value) { return int(plan.values[value].channels); };
    std::vector<Written> written(plan.values.size());
    written[plan.header.input].add(0, channels(plan.header.input));
    for (size_t i = 0; i < ops.size(); ++i) {
        const Op& op = ops[i];
        const OpSpec& spec = spec_of(op.type);
        const OpCheck check(plan, op, i, spec.name);
        check.in("channels", op.channel_mean.channels, 1, kMaxChannels);  // the first of all parameters
        spec.check(check);
        check_activation(check, spec);
        check_order(check, written);
        check_types(check, spec);
        if (convolves(op)) weights += weight_count(op.conv, int(plan.header.m));  // lists as long are built from them
        check.good(weights <= int64_t(plan.header.blob_bytes / sizeof(float)) * kMaxUses, "the file's weights are used too often");
    }
    for (uint32_t value : {plan.header.input, plan.header.output})
        good(plan.values[value].dtype == DType::F32, "header: input or output is not of F32");
    good(written[plan.header.output].covers(0, channels(plan.header.output)), "header: output is not written whole");
}

}  // namespace

void check_plan(const Plan& plan) {
    check_header(plan.header);
    for (size_t i = 0; i < plan.values.size(); ++i) check_value(plan, plan.values[i], "value " + std::to_string(i));
    for (size_t i = 0; i < plan.arrays.size(); ++i) check_array(plan, plan.arrays[i], "array " + std::to_string(i));
    int64_t weights = 0;
    for (int candidate = 0; candidate < plan.candidates(); ++candidate) check_ops(plan, plan.ops_of(candidate), weights);
}

}  // namespace slsc
