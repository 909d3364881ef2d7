// Runs one plan on images of any size, at any capacity, with one of its candidates or with one for each region.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "api/context.hpp"
#include "api/run.hpp"
#include "program/program.hpp"
#include "schedule/schedule.hpp"
#include "slsc/native.h"

namespace slsc {

// Candidates of regions, row by row.
struct RegionMap {
    const uint8_t* candidates;
    int rows, columns;
};

// Errors are thrown as Error. One thread at a time.
class Engine {
public:
    Engine(std::shared_ptr<Context> context, std::shared_ptr<const Plan> plan, const Kernels* kernels);

    void set_capacity(int capacity);
    // What runs without a map run with, and sizes are told of: one of the plan's candidates, or kByRegion.
    void set_candidate(int candidate);
    // Pixels of the upright image.
    void set_region(int height, int width);
    void set_precision(slsc_precision precision);
    // What the convolutions that the plan has in integers or in BF16 are computed in.
    Precision precision() const;
    void set_band(int rows);
    void set_memory(uint64_t bytes);
    // What is to be done for upright images of height x width, on their side; `run` takes the memory.
    const Schedule& prepare(int height, int width);
    void run(const float* input, int height, int width, float* output);
    void run(const float* input, int height, int width, const RegionMap& map, float* output);
    // Tightly packed rows: [channel][row][pixel]. Either stops the run by returning false.
    using ReadRows = std::function<bool(int first, int count, float* rows)>;
    using WriteRows = std::function<bool(int first, int count, const float* rows)>;
    void run_rows(int height, int width, const ReadRows& read, const WriteRows& write);
    void run_rows(int height, int width, const RegionMap& map, const ReadRows& read, const WriteRows& write);

    // Whether anything convolves values of a type.
    bool computes_in(DType dtype) const;
    const Kernels& kernels() const { return *kernels_; }
    int candidates() const { return plan_->candidates(); }
    // Rows and columns of regions in an upright image.
    int64_t region_rows(int height) const { return (int64_t(height) + region_.columns - 1) / region_.columns; }
    int64_t region_columns(int width) const { return (int64_t(width) + region_.rows - 1) / region_.rows; }
    // Of one of the candidates, at the last size.
    uint64_t candidate_macs(int candidate);
    // Of those of the cheapest, what a pass by region takes of every region, wanted or not, at the last size.
    uint64_t everywhere_macs();
    // By operation of the plan: of those that were folded together or run together, the last has all.
    const std::vector<double>& seconds() const { return seconds_; }
    uint64_t macs(int op) const;
    // Of the last size.
    uint64_t arena_bytes() const { return schedule_ ? schedule_->placement.floats * sizeof(float) : 0; }
    // Of run_rows.
    uint64_t rows_bytes() const;
    int band() const { return schedule_ ? schedule_->band : 0; }

private:
    std::shared_ptr<const Program> program(int candidate) const;
    const Schedule& prepare(int height, int width, int candidate);
    // The candidate of all regions, or kByRegion. Throws Error(SLSC_BAD_ARGUMENT) where the map does not fit.
    int candidate_of(const RegionMap& map, int height, int width) const;
    void require_one() const;
    void forget();  // what was made for the last size
    uint64_t macs(const Node& node) const;

    void run_whole(const float* input, const uint8_t* map, float* output);
    void run_by_rows(const uint8_t* map, const ReadRows& read, const WriteRows& write);
    void run(const ImageRows& rows, const uint8_t* map);

    std::shared_ptr<Context> context_;
    std::shared_ptr<const Plan> plan_;
    const Kernels* kernels_;
    int capacity_ = 0, band_ = 0;  // asked for
    int candidate_;
    RegionSize region_;
    uint64_t memory_ = 0;          // bytes allowed, 0: any
    slsc_precision wanted_ = SLSC_AS_PLANNED;
    mutable std::map<std::tuple<int, int, slsc_precision>, std::shared_ptr<const Program>> programs_;  // by capacity and candidate
    std::map<int, Schedule> schedules_;  // by candidate, of the last size
    const Schedule* schedule_ = nullptr;  // the last of them
    std::vector<double> seconds_;
};

}  // namespace slsc
