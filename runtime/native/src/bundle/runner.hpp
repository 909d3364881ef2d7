// One plan in an engine of a context.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "slsc/native.h"

namespace slsc {

// Throws Error with the engine's status and reason.
class Runner {
public:
    struct Sizes {
        int in_channels = 0, out_channels = 0, height = 0, width = 0;
        uint64_t arena_bytes = 0;
    };

    Runner(slsc_context* context, const std::vector<uint8_t>& plan);

    // What an image of height x width takes and gives.
    Sizes sizes(int height, int width);
    void run(const float* planes, int height, int width, float* made);

    // Bytes that run_rows takes where it should get by with `memory`, which may be more.
    uint64_t rows_bytes(int height, int width, uint64_t memory);
    // As slsc_run_rows, within so much memory. What `read` or `write` throws comes out as Error.
    using ReadRows = std::function<void(int first, int rows, float* to)>;
    using WriteRows = std::function<void(int first, int rows, const float* from)>;
    void run_rows(int height, int width, uint64_t memory, const ReadRows& read, const WriteRows& write);

private:
    void require(slsc_status status) const;
    void set_memory(uint64_t bytes) { require(slsc_set_memory(engine_.get(), bytes)); }

    std::unique_ptr<slsc_engine, decltype(&slsc_close)> engine_{nullptr, &slsc_close};
};

}  // namespace slsc
