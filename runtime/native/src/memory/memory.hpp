// Memory that grows on demand, aligned for vectors.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace slsc {

class Memory {
public:
    float* get() const { return floats_.get(); }
    // Makes it at least `floats` long, losing what it holds if it was shorter; false when there is no memory.
    bool grow(size_t floats);

private:
    struct Free {
        void operator()(float* p) const { std::free(p); }
    };

    std::unique_ptr<float[], Free> floats_;
    size_t held_ = 0;
};

}  // namespace slsc
