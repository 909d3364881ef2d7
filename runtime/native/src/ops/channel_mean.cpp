#include "ops/specs.hpp"

namespace slsc {
namespace {

Channels channels(const Op& op) { return {op.channel_mean.channels, 0, 1}; }
const char* shape(const Op&, const Shape&, const Shape*, Extent&) { return nullptr; }

}  // namespace

const OpSpec kChannelMean{"ChannelMean", channels, shape, nullptr, nullptr, nullptr, false};

}  // namespace slsc
