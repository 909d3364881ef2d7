// Runs one plan on images of any size, at any capacity.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/context.hpp"
#include "api/run.hpp"
#include "program/program.hpp"
#include "schedule/schedule.hpp"
#include "slsc/native.h"

namespace slsc {

// Errors are thrown as Error. One thread at a time.
class Engine {
public:
    Engine(std::shared_ptr<Context> context, std::shared_ptr<const Plan> plan, const Kernels* kernels);

    void set_capacity(int capacity);
    void set_precision(slsc_precision precision);
    // What the convolutions that the plan has in integers are computed in.
    Precision precision() const;
    void set_band(int rows);
    void set_memory(uint64_t bytes);
    // What is to be done for upright images of height x width, on their side; `run` takes the memory.
    const Schedule& prepare(int height, int width);
    void run(const float* input, int height, int width, float* output);
    // Tightly packed rows: [channel][row][pixel]. Either stops the run by returning false.
    using ReadRows = std::function<bool(int first, int count, float* rows)>;
    using WriteRows = std::function<bool(int first, int count, const float* rows)>;
    void run_rows(int height, int width, const ReadRows& read, const WriteRows& write);

    bool has_integers() const;
    const Kernels& kernels() const { return *kernels_; }
    // By operation of the plan: of those that were folded together or run together, the last has all.
    const std::vector<double>& seconds() const { return seconds_; }
    uint64_t macs(int op) const;
    // Of the last size.
    uint64_t arena_bytes() const { return schedule_ ? schedule_->placement.floats * sizeof(float) : 0; }
    // Of run_rows.
    uint64_t rows_bytes() const;
    int band() const { return schedule_ ? schedule_->band : 0; }

private:
    std::shared_ptr<const Program> program();

    void run(const ImageRows& rows);

    std::shared_ptr<Context> context_;
    std::shared_ptr<const Plan> plan_;
    const Kernels* kernels_;
    int capacity_ = 0, band_ = 0;  // asked for
    uint64_t memory_ = 0;          // bytes allowed, 0: any
    slsc_precision wanted_ = SLSC_AS_PLANNED;
    std::map<std::pair<int, Precision>, std::shared_ptr<const Program>> programs_;  // by capacity
    std::optional<Schedule> schedule_;                       // of the last size
    std::vector<double> seconds_;
};

}  // namespace slsc
