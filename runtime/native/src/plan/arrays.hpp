// What a plan's arrays hold, as numbers.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/plan.hpp"

namespace slsc {

inline const char* name_of(DType dtype) {
    switch (dtype) {
        case DType::F32: return "F32";
        case DType::BF16: return "BF16";
        case DType::I8: return "I8";
        case DType::U8: return "U8";
    }
    return "unknown";
}

inline int size_of(DType dtype) { return dtype == DType::F32 ? 4 : dtype == DType::BF16 ? 2 : 1; }

// The float whose upper half is `bits`.
float widened_bf16(uint16_t bits);

// Weights that a Conv of a plan with groups of m stores.
int64_t weight_count(const ConvParams& conv, int m);

// All stored weights of a Conv in the file's order, as float32: of I8 the integers, not multiplied by their scale.
std::vector<float> stored_weights(const Plan& plan, const ConvParams& conv);

// The same widened, and multiplied by their scale.
std::vector<float> widened_weights(const Plan& plan, const ConvParams& conv);

}  // namespace slsc
