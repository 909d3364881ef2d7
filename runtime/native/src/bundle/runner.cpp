#include "bundle/runner.hpp"

#include "support/error.hpp"

namespace slsc {

Runner::Runner(slsc_context* context, const std::vector<uint8_t>& plan) {
    slsc_engine* engine = nullptr;
    const slsc_status status = slsc_open(context, plan.data(), plan.size(), nullptr, &engine);
    engine_.reset(engine);
    if (status != SLSC_OK) throw Error(status, slsc_last_error(nullptr));
}

Runner::Sizes Runner::sizes(int height, int width) {
    Sizes sizes;
    require(slsc_shape(engine_.get(), height, width, &sizes.in_channels, &sizes.out_channels, &sizes.height, &sizes.width));
    sizes.arena_bytes = slsc_arena_bytes(engine_.get());
    return sizes;
}

void Runner::run(const float* planes, int height, int width, float* made) {
    require(slsc_run(engine_.get(), planes, height, width, made));
}

void Runner::require(slsc_status status) const {
    if (status != SLSC_OK) throw Error(status, slsc_last_error(engine_.get()));
}

}  // namespace slsc
