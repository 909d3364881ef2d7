// What checks of operations are made of. Messages read "operation 3 (Conv): stride_w is 0, not in 1..16".
#pragma once

#include <cstdint>
#include <string>

#include "plan/plan.hpp"

namespace slsc {

class OpCheck {
public:
    // `op`: of one of the plan's candidates.
    OpCheck(const Plan& plan, const Op& op, size_t index, const char* name) : plan_(plan), op_(op), index_(index), name_(name) {}

    const Plan& plan() const { return plan_; }
    const Op& op() const { return op_; }

    void good(bool good, const std::string& why) const;
    void in(const std::string& field, int64_t value, int64_t low, int64_t high) const;
    void sides(const std::string& prefix, const Sides& sides, int low, int high) const;
    void finite(const std::string& field, float value) const;
    void quantization(const std::string& prefix, const Quantization& quantization) const;

    void second_input() const;
    void no_second_input() const;
    void no_array(const char* field, int32_t array) const;

    // An array of `count` numbers of `dtype`, finite if they are floats.
    void array(const char* field, int32_t array, DType dtype, int64_t count) const;
    void optional_floats(const char* field, int32_t array, int64_t count) const;

    // Weights of a Conv: `count` of any type that widens to float32, with a scale for the type's or each of the `outputs`.
    void weights(int32_t array, int64_t count, int outputs) const;

    // Channels [first, first + count) of a value that is there.
    void channels(const std::string& field, int32_t value, int32_t first, int count) const;

private:
    void elements(const std::string& field, int32_t array, int64_t count) const;
    void all_finite(const std::string& field, int32_t array) const;

    const Plan& plan_;
    const Op& op_;
    size_t index_;
    const char* name_;
};

}  // namespace slsc
