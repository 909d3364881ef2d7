// Quantize, Dequantize and Narrow: between F32 and packed values.
#include "ops/specs.hpp"

namespace slsc {
namespace {

void check_quantize(const OpCheck& check) {
    check.no_second_input();
    check.quantization("", check.op().quantize.quantization);
    check.optional_floats("factors", check.op().quantize.factors, check.op().quantize.channels);
}

OpArrays arrays_of_quantize(const Op& op) { return {-1, op.quantize.factors, -1}; }

void check_dequantize(const OpCheck& check) {
    check.no_second_input();
    check.quantization("", check.op().dequantize.quantization);
}

void check_narrow(const OpCheck& check) { check.no_second_input(); }

Channels channels_narrow(const Op& op) { return {op.narrow.channels, 0, op.narrow.channels}; }
Channels channels_quantize(const Op& op) { return {op.quantize.channels, 0, op.quantize.channels}; }
Channels channels_dequantize(const Op& op) { return {op.dequantize.channels, 0, op.dequantize.channels}; }
const char* shape(const Op&, const Shape&, const Shape*, Extent&) { return nullptr; }

}  // namespace

const OpSpec kQuantize{"Quantize",
                       sizeof(QuantizeParams),
                       false,
                       check_quantize,
                       channels_quantize,
                       shape,
                       nullptr,
                       nullptr,
                       nullptr,
                       false,
                       arrays_of_quantize,
                       [](DType in, DType out) { return in == DType::F32 && out == DType::U8; }};

const OpSpec kDequantize{"Dequantize",
                         sizeof(DequantizeParams),
                         false,
                         check_dequantize,
                         channels_dequantize,
                         shape,
                         nullptr,
                         nullptr,
                         nullptr,
                         false,
                         nullptr,
                         [](DType in, DType out) { return in == DType::U8 && out == DType::F32; }};

const OpSpec kNarrow{"Narrow",        sizeof(NarrowParams),
                     false,           check_narrow,
                     channels_narrow, shape,
                     nullptr,         nullptr,
                     nullptr,         false,
                     nullptr,         [](DType in, DType out) { return in == DType::F32 && out == DType::BF16; }};

}  // namespace slsc
