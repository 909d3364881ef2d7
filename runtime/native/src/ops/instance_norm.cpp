#include "ops/specs.hpp"

namespace slsc {
namespace {

void check(const OpCheck& check) {
    const InstanceNormParams& norm = check.op().instance_norm;
    check.no_second_input();
    check.array("scale", norm.scale, DType::F32, norm.channels);
    check.array("shift", norm.shift, DType::F32, norm.channels);
    check.finite("epsilon", norm.epsilon);
    check.good(norm.epsilon > 0, "epsilon is not above 0");
}

Channels channels(const Op& op) { return {op.instance_norm.channels, 0, op.instance_norm.channels}; }
const char* shape(const Op&, const Shape&, const Shape*, Extent&) { return nullptr; }

// The mean and variance are found once, for all columns.
Columns reads(const Op&, int, const Shape& in, const Shape&, int) { return {0, in.width}; }
int unit(const Op&, const Shape& out) { return out.width; }

OpArrays arrays(const Op& op) { return {-1, op.instance_norm.scale, op.instance_norm.shift}; }

}  // namespace

const OpSpec kInstanceNorm{"InstanceNorm", sizeof(InstanceNormParams), false, check, channels, shape, reads, unit, nullptr, true,
                           arrays};

}  // namespace slsc
