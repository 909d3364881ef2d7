#include "ops/specs.hpp"

namespace slsc {
namespace {

Channels channels(const Op& op) { return {op.unary.channels, 0, op.unary.channels}; }
const char* shape(const Op&, const Shape&, const Shape*, Extent&) { return nullptr; }
int in_place(const Op&) { return 0; }

}  // namespace

const OpSpec kUnary{"Unary", channels, shape, nullptr, nullptr, in_place, false};

}  // namespace slsc
