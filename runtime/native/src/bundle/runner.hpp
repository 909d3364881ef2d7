// One plan in an engine of a context.
#pragma once

#include <cstdint>
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

private:
    void require(slsc_status status) const;

    std::unique_ptr<slsc_engine, decltype(&slsc_close)> engine_{nullptr, &slsc_close};
};

}  // namespace slsc
