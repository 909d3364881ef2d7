#include "networks.hpp"

#include <algorithm>

namespace networks {

using slsc::Op;
using slsc::OpType;

Sketch::Sketch(int channels) : plan_{} {
    plan_.header.row_align = 4;
    value(channels);
}

int Sketch::value(int channels) {
    plan_.values.push_back({uint32_t(channels), slsc::DType::F32});
    return int(plan_.values.size()) - 1;
}

int Sketch::array(int floats) {
    const size_t offset = (plan_.blob.size() + 63) / 64 * 64, bytes = size_t(floats) * sizeof(float);
    plan_.blob.resize(offset + bytes);
    const float one = 1.0f;
    for (size_t at = offset; at < plan_.blob.size(); at += sizeof one)
        std::copy_n(reinterpret_cast<const uint8_t*>(&one), sizeof one, &plan_.blob[at]);
    plan_.arrays.push_back({offset, bytes, slsc::DType::F32, -1});
    return int(plan_.arrays.size()) - 1;
}

Op& Sketch::op(OpType type, int from, int out) {
    Op made{};
    made.type = type;
    made.in[0] = from, made.in[1] = -1;
    made.out = out;
    made.slopes = -1;
    made.channel_mean.channels = channels(from);
    plan_.ops.push_back(made);
    return plan_.ops.back();
}

Op& Sketch::conv_op(int from, int out, int made, int kernel, int stride, int shuffle) {
    const int weights = array(made * channels(from) * kernel * kernel), pad = kernel / 2;
    Op& op = this->op(OpType::Conv, from, out);
    op.conv = {channels(from),      made,    kernel,  kernel, stride, stride, {pad, pad, pad, pad}, 1, 1, 1, 0,
               slsc::Combine::None, shuffle, weights, -1,     -1};
    return op;
}

int Sketch::conv(int from, int made, int kernel, int stride, int shuffle) {
    const int out = value(made / (shuffle * shuffle));
    conv_op(from, out, made, kernel, stride, shuffle);
    return out;
}

int Sketch::add_to(int from, int kernel, int other) {
    const int out = value(channels(other));
    Op& op = conv_op(from, out, channels(other), kernel, 1, 1);
    op.conv.combine = slsc::Combine::ActThenAdd;
    op.in[1] = other;
    return out;
}

int Sketch::pool(int from, int kernel, int stride) {
    const int out = value(channels(from));
    op(OpType::Pool, from, out).pool = {channels(from), slsc::PoolKind::Max, kernel, kernel, stride, stride, {0, 0, 0, 0}, 1};
    return out;
}

int Sketch::global_mean(int from) {
    const int out = value(channels(from));
    op(OpType::GlobalMean, from, out);
    return out;
}

int Sketch::resize(int from, int up, int down) {
    const int out = value(channels(from));
    op(OpType::Resize, from, out).resize = {
        channels(from), slsc::ResizeKind::Linear, slsc::Coordinates::HalfPixel, up, down, slsc::Rounding::Floor, 0.0f};
    return out;
}

int Sketch::resize_like(int from, int like) {
    const int out = resize(from, 0, 0);
    plan_.ops.back().in[1] = like;
    return out;
}

int Sketch::relu(int from) {
    const int out = value(channels(from));
    Op& op = this->op(OpType::Unary, from, out);
    op.unary = {channels(from), -1, -1};
    op.act = slsc::Act::Relu;
    return out;
}

int Sketch::times_pixel(int from, int pixel) {
    const int out = value(channels(from));
    Op& op = this->op(OpType::Binary, from, out);
    op.binary = {channels(from), slsc::BinaryKind::Mul, slsc::Spread::Pixel};
    op.in[1] = pixel;
    return out;
}

int Sketch::join(int a, int b, int made) {
    const int out = value(2 * made);
    conv_op(a, out, made, 1, 1, 1);
    conv_op(b, out, made, 1, 1, 1).out_channel = made;
    return out;
}

std::shared_ptr<const slsc::Program> Sketch::program(int output) const {
    auto plan = std::make_shared<slsc::Plan>(plan_);
    plan->header.values = uint32_t(plan_.values.size()), plan->header.output = uint32_t(output);
    return slsc::make_program(plan, {slsc::select_kernels("portable"), slsc::Precision::Float32, 0});
}

namespace {

Network chain() {
    Sketch s(3);
    int x = 0;
    for (int i = 0; i < 5; ++i) x = s.conv(x, 8, 3);
    return {"chain", s.program(x)};
}

Network long_skip() {
    Sketch s(3);
    const int head = s.conv(0, 8, 3);
    int x = head;
    for (int i = 0; i < 8; ++i) x = s.conv(x, 8, 5);
    return {"long skip", s.program(s.add_to(x, 3, head))};
}

Network residuals() {
    Sketch s(8);
    int x = 0;
    for (int i = 0; i < 3; ++i) x = s.add_to(s.relu(s.conv(x, 8, 3)), 3, x);
    return {"residuals", s.program(s.relu(x))};
}

Network upsampler() {
    Sketch s(3);
    const int wide = s.conv(s.conv(0, 8, 3), 32, 3, 1, 2);
    return {"upsampler", s.program(s.conv(s.relu(wide), 12, 3, 1, 2))};
}

Network pyramid() {
    Sketch s(3);
    const int full = s.conv(0, 8, 3), half = s.conv(full, 8, 3, 2), quarter = s.pool(half, 3, 2);
    return {"pyramid", s.program(s.add_to(s.resize_like(s.conv(quarter, 8, 3), full), 3, full))};
}

Network attention() {
    Sketch s(4);
    const int x = s.conv(0, 8, 3), y = s.times_pixel(x, s.global_mean(x));
    return {"attention", s.program(s.times_pixel(s.conv(y, 8, 3), s.conv(s.global_mean(y), 8, 1)))};
}

Network distilling() {
    Sketch s(8);
    const int a = s.conv(0, 8, 3), b = s.conv(s.conv(a, 8, 3), 8, 7);
    return {"distilling", s.program(s.conv(s.join(a, b, 4), 8, 3))};
}

Network half_again() {
    Sketch s(3);
    return {"half again", s.program(s.conv(s.resize(s.conv(0, 4, 3), 3, 2), 4, 3))};
}

}  // namespace

std::vector<Network> all() {
    return {chain(), long_skip(), residuals(), upsampler(), pyramid(), attention(), distilling(), half_again()};
}

}  // namespace networks
