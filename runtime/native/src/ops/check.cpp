#include "ops/check.hpp"

#include <cmath>

#include "plan/arrays.hpp"
#include "support/error.hpp"

namespace slsc {

void OpCheck::good(bool good, const std::string& why) const {
    if (!good) throw Error(SLSC_BAD_PLAN, "operation " + std::to_string(index_) + " (" + name_ + "): " + why);
}

void OpCheck::in(const std::string& field, int64_t value, int64_t low, int64_t high) const {
    if (value >= low && value <= high) return;
    good(false, field + " is " + std::to_string(value) + ", not in " + std::to_string(low) + ".." + std::to_string(high));
}

void OpCheck::sides(const std::string& prefix, const Sides& sides, int low, int high) const {
    in(prefix + "top", sides.top, low, high);
    in(prefix + "left", sides.left, low, high);
    in(prefix + "bottom", sides.bottom, low, high);
    in(prefix + "right", sides.right, low, high);
}

void OpCheck::finite(const std::string& field, float value) const { good(std::isfinite(value), field + " is not finite"); }

void OpCheck::quantization(const std::string& prefix, const Quantization& quantization) const {
    finite(prefix + "scale", quantization.scale);
    good(quantization.scale > 0, prefix + "scale is not above 0");
    in(prefix + "zero", quantization.zero, 0, 255);
}

void OpCheck::second_input() const { in("in[1]", op().in[1], 0, int64_t(plan_.values.size()) - 1); }

void OpCheck::no_second_input() const { in("in[1]", op().in[1], -1, -1); }

void OpCheck::no_array(const char* field, int32_t array) const { in(field, array, -1, -1); }

void OpCheck::array(const char* field, int32_t array, DType dtype, int64_t count) const {
    in(field, array, 0, int64_t(plan_.arrays.size()) - 1);
    const DType found = plan_.arrays[array].dtype;
    good(found == dtype, std::string(field) + " is of " + name_of(found) + ", not of " + name_of(dtype));
    elements(field, array, count);
    all_finite(field, array);
}

void OpCheck::optional_floats(const char* field, int32_t array, int64_t count) const {
    if (array != -1) this->array(field, array, DType::F32, count);
}

void OpCheck::weights(int32_t array, int64_t count, int outputs) const {
    in("weights", array, 0, int64_t(plan_.arrays.size()) - 1);
    const Array& stored = plan_.arrays[array];
    good(stored.dtype != DType::U8, "weights is of U8, not of F32, BF16 or I8");
    elements("weights", array, count);
    all_finite("weights", array);
    if (stored.dtype != DType::I8) return;
    const uint64_t scales = plan_.arrays[stored.scale].bytes / sizeof(float);
    good(scales == 1 || scales == uint64_t(outputs),
         "the scale of weights has " + std::to_string(scales) + " numbers, not 1 or " + std::to_string(outputs));
    all_finite("the scale of weights", stored.scale);
}

void OpCheck::channels(const std::string& field, int32_t value, int32_t first, int count) const {
    in(field, value, 0, int64_t(plan_.values.size()) - 1);
    in(field + "'s first channel", first, 0, int64_t(plan_.values[value].channels) - count);
}

void OpCheck::elements(const std::string& field, int32_t array, int64_t count) const {
    const int64_t found = int64_t(plan_.arrays[array].bytes) / size_of(plan_.arrays[array].dtype);
    good(found == count, field + " has " + std::to_string(found) + " numbers where " + std::to_string(count) + " are needed");
}

void OpCheck::all_finite(const std::string& field, int32_t array) const {
    const DType dtype = plan_.arrays[array].dtype;
    if (dtype != DType::F32 && dtype != DType::BF16) return;
    const int64_t count = int64_t(plan_.arrays[array].bytes) / size_of(dtype);
    const auto* halves = reinterpret_cast<const uint16_t*>(plan_.data(array));
    for (int64_t i = 0; i < count; ++i) {
        const float value = dtype == DType::F32 ? plan_.floats(array)[i] : widened_bf16(halves[i]);
        if (!std::isfinite(value)) good(false, field + " is not finite at " + std::to_string(i));
    }
}

}  // namespace slsc
