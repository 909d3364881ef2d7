// Runs one plan on images of any size, at any capacity.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/context.hpp"
#include "program/program.hpp"
#include "schedule/schedule.hpp"

namespace slsc {

// Errors are thrown as Error. One thread at a time.
class Engine {
public:
    Engine(std::shared_ptr<Context> context, std::shared_ptr<const Plan> plan, const Kernels* kernels);

    void set_capacity(int capacity);
    void set_band(int columns);
    // What is to be done for images of height x width; `run` takes the memory.
    const Schedule& prepare(int height, int width);
    void run(const float* input, int height, int width, float* output);

    const Kernels& kernels() const { return *kernels_; }
    // By operation of the plan: of those that were folded together or run together, the last has all.
    const std::vector<double>& seconds() const { return seconds_; }
    uint64_t macs(int op) const;
    // Of the last size.
    uint64_t arena_bytes() const { return schedule_ ? schedule_->placement.floats * sizeof(float) : 0; }

private:
    std::shared_ptr<const Program> program();

    std::shared_ptr<Context> context_;
    std::shared_ptr<const Plan> plan_;
    const Kernels* kernels_;
    int capacity_ = 0, band_ = 0;                            // asked for
    std::map<int, std::shared_ptr<const Program>> programs_;  // by capacity
    std::optional<Schedule> schedule_;                       // of the last size
    std::vector<double> seconds_;
};

}  // namespace slsc
