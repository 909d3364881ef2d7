#include "bundle/runner.hpp"

#include <string>

#include "support/error.hpp"

namespace slsc {

Runner::Runner(slsc_context* context, const std::vector<uint8_t>& plan) {
    slsc_engine* engine = nullptr;
    const slsc_status status = slsc_open(context, plan.data(), plan.size(), nullptr, &engine);
    engine_.reset(engine);
    if (status != SLSC_OK) throw Error(status, slsc_last_error(nullptr));
    require(slsc_set_precision(engine, SLSC_FASTEST));
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

uint64_t Runner::rows_bytes(int height, int width, uint64_t memory) {
    set_memory(memory);
    sizes(height, width);
    const uint64_t bytes = slsc_rows_bytes(engine_.get());
    set_memory(0);
    return bytes;
}

void Runner::run_rows(int height, int width, uint64_t memory, const ReadRows& read, const WriteRows& write) {
    struct User {
        const ReadRows& read;
        const WriteRows& write;
    } user{read, write};
    const auto reads = [](void* of, int first, int rows, float* to) { return static_cast<User*>(of)->read(first, rows, to), 0; };
    const auto writes = [](void* of, int first, int rows, const float* from) {
        return static_cast<User*>(of)->write(first, rows, from), 0;
    };
    set_memory(memory);
    const slsc_status status = slsc_run_rows(engine_.get(), height, width, reads, writes, &user);
    const std::string why = slsc_last_error(engine_.get());
    set_memory(0);
    if (status != SLSC_OK) throw Error(status, why);
}

void Runner::require(slsc_status status) const {
    if (status != SLSC_OK) throw Error(status, slsc_last_error(engine_.get()));
}

}  // namespace slsc
