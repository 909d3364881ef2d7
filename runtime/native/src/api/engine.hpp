// Runs one plan on images of any size.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "conv/convolution.hpp"
#include "kernels/kernels.hpp"
#include "plan/plan.hpp"
#include "support/thread_pool.hpp"
#include "slsc/native.h"
#include "memory/storage.hpp"

namespace slsc {

class Engine {
public:
    Engine(std::unique_ptr<Plan> plan, const Kernels* kernels, int threads);

    slsc_status set_capacity(int capacity);
    slsc_status set_band(int columns);
    // Sizes and places of all values for images of height x width; `run` takes the memory.
    slsc_status prepare(int height, int width);
    slsc_status run(const float* input, int height, int width, float* output);

    const Plan& plan() const { return *plan_; }
    const Kernels& kernels() const { return *kernels_; }
    const Shape& input() const { return shapes_[plan_->header.input]; }
    const Shape& output() const { return shapes_[plan_->header.output]; }
    // Of the operations of the plan as it was loaded: of those that were made one or run together, the last has all.
    size_t op_count() const { return seconds_.size(); }
    const std::vector<double>& seconds() const { return seconds_; }
    uint64_t macs(size_t op) const;
    uint64_t arena_bytes() const { return storage_.floats() * sizeof(float); }
    const std::string& error() const { return error_; }
    slsc_status fail(slsc_status status, std::string why);

private:
    void merge_pairs();
    const OpKernel& kernel(OpType type) const;
    Job job(size_t op) const;
    template <typename Use>
    void with_job(int op, Use use) const;
    void ready_convolution(size_t op);
    void credit_work();  // of operations to those that they run with
    slsc_status make_ready();
    void run_step(const Bands::Segment& segment);

    std::unique_ptr<Plan> plan_;
    std::vector<int> loaded_as_;              // by operation: its index before pairs were merged
    std::vector<std::optional<Pair>> pairs_;  // by operation
    const Kernels* kernels_;
    Pool pool_;
    int capacity_ = 0;
    std::vector<bool> identity_;             // by operation: whether its weights add its input, too
    std::vector<int> runs_with_;             // by operation: itself, or a later one; see beside.hpp
    std::vector<Convolution> convolutions_;  // by operation
    std::vector<Shape> shapes_;
    std::optional<Bands> bands_;
    Storage storage_;
    Memory scratch_;
    size_t scratch_floats_ = 0;  // of one thread
    int band_ = 0;               // columns asked for
    bool prepared_ = false;      // for an image of shapes_
    bool ready_ = false;         // with memory for it
    std::vector<double> seconds_;  // by operation before pairs were merged
    std::string error_;
};

}  // namespace slsc
