#include "ops/specs.hpp"

namespace slsc {
namespace {

void check(const OpCheck& check) { check.no_second_input(); }

Channels channels(const Op& op) { return {op.channel_mean.channels, 0, 1}; }
const char* shape(const Op&, const Shape&, const Shape*, Extent&) { return nullptr; }

}  // namespace

const OpSpec kChannelMean{"ChannelMean", sizeof(ChannelMeanParams), false, check, channels, shape, nullptr, nullptr, nullptr, false,
                          nullptr};

}  // namespace slsc
