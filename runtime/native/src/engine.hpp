// Runs one plan on images of any size.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "convolution.hpp"
#include "kernels.hpp"
#include "plan.hpp"
#include "pool.hpp"
#include "slsc/native.h"

namespace slsc {

struct FreeDeleter {
    void operator()(float* p) const { std::free(p); }
};
using Floats = std::unique_ptr<float[], FreeDeleter>;

class Engine {
public:
    Engine(std::unique_ptr<Plan> plan, const Kernels* kernels, int threads);

    slsc_status set_capacity(int capacity);
    // Sizes and places of all values for images of height x width; `run` takes the memory.
    slsc_status prepare(int height, int width);
    slsc_status run(const float* input, int height, int width, float* output);

    const Plan& plan() const { return *plan_; }
    const Kernels& kernels() const { return *kernels_; }
    const Shape& input() const { return shapes_[plan_->header.input]; }
    const Shape& output() const { return shapes_[plan_->header.output]; }
    const std::vector<double>& seconds() const { return seconds_; }
    uint64_t macs(size_t op) const;
    uint64_t arena_bytes() const { return arena_floats_ * sizeof(float); }
    const std::string& error() const { return error_; }
    slsc_status fail(slsc_status status, std::string why);

private:
    const OpKernel& kernel(OpType type) const;
    View view(int value, int channel, int channels) const;
    Job job(size_t op) const;
    void ready_convolutions();
    slsc_status make_ready();

    std::unique_ptr<Plan> plan_;
    const Kernels* kernels_;
    Pool pool_;
    int capacity_ = 0;
    std::vector<Convolution> convolutions_;  // by operation
    std::vector<Shape> shapes_;
    std::vector<size_t> offsets_;
    std::vector<Job> jobs_;
    Floats arena_, scratch_;
    size_t arena_floats_ = 0, held_floats_ = 0, scratch_floats_ = 0, held_scratch_ = 0;
    bool ready_ = false;  // memory and jobs are those of shapes_
    std::vector<double> seconds_;
    std::string error_;
};

}  // namespace slsc
