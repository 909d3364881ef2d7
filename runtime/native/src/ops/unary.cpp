#include "ops/specs.hpp"

namespace slsc {
namespace {

void check(const OpCheck& check) {
    const UnaryParams& unary = check.op().unary;
    check.no_second_input();
    check.optional_floats("scale", unary.scale, unary.channels);
    check.optional_floats("shift", unary.shift, unary.channels);
}

Channels channels(const Op& op) { return {op.unary.channels, 0, op.unary.channels}; }
const char* shape(const Op&, const Shape&, const Shape*, Extent&) { return nullptr; }
int in_place(const Op&) { return 0; }

OpArrays arrays(const Op& op) { return {-1, op.unary.scale, op.unary.shift}; }

}  // namespace

const OpSpec kUnary{"Unary", sizeof(UnaryParams), true, check, channels, shape, nullptr, nullptr, in_place, false, arrays};

}  // namespace slsc
