// The memory that values live in while an image is run.
#pragma once

#include <cstdlib>
#include <memory>
#include <vector>

#include "memory/arena.hpp"
#include "memory/layout.hpp"
#include "plan/plan.hpp"
#include "support/thread_pool.hpp"

namespace slsc {

struct FreeDeleter {
    void operator()(float* p) const { std::free(p); }
};
using Floats = std::unique_ptr<float[], FreeDeleter>;

// Memory that grows on demand, aligned for vectors.
class Memory {
public:
    float* get() const { return floats_.get(); }
    // Makes it at least `floats` long, losing what it holds if it was shorter; false when there is no memory.
    bool grow(size_t floats);

private:
    Floats floats_;
    size_t held_ = 0;
};

class Storage {
public:
    // Where values of these shapes lie. `plan` and `shapes` must outlive it.
    void place(const Plan& plan, const std::vector<Shape>& shapes, int lanes, Bands& bands);
    // Takes the memory that `place` found necessary; false when there is none.
    bool allocate() { return memory_.grow(placement_.floats); }
    size_t floats() const { return placement_.floats; }

    // Tells which columns each value of a segment holds in the step that `bands` is in.
    void begin(const Bands& bands, const Bands::Segment& segment);
    View view(int value, int channel, int channels) const;
    // Before an operation: what was kept of the values that it touches first. After it: keeps what later bands need of
    // those that it touches last.
    void fetch(int op, Pool& pool);
    void keep(int op, const Bands& bands, Pool& pool);

private:
    struct Band {
        Columns held, kept;                // kept: by the end of this step
        std::vector<Bands::Part> stored;  // kept by the end of an earlier one
        bool active;
    };
    template <typename Visit>
    void visit(int op, Visit visit) const;
    void copy(int value, const Bands::Part& part, bool keep, Pool& pool);

    const Plan* plan_ = nullptr;
    const std::vector<Shape>* shapes_ = nullptr;
    int lanes_ = 0;
    Placement placement_;
    std::vector<Band> band_;  // by place
    Memory memory_;
};

}  // namespace slsc
