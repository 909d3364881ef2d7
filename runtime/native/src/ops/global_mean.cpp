#include "ops/specs.hpp"

namespace slsc {
namespace {

void check(const OpCheck& check) { check.no_second_input(); }

Channels channels(const Op& op) { return {op.global_mean.channels, 0, op.global_mean.channels}; }

const char* shape(const Op&, const Shape&, const Shape*, Extent& out) {
    out = {1, 1, 1, true};
    return nullptr;
}

Columns reads(const Op&, int, const Shape& in, const Shape&, int) { return {0, in.width}; }

}  // namespace

const OpSpec kGlobalMean{"GlobalMean", sizeof(GlobalMeanParams), false, check, channels, shape, reads, nullptr, nullptr, true,
                         nullptr};

}  // namespace slsc
