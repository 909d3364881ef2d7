#include "api/engine.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "support/error.hpp"

namespace slsc {

Engine::Engine(std::shared_ptr<Context> context, std::shared_ptr<const Plan> plan, const Kernels* kernels)
    : context_(std::move(context)), plan_(std::move(plan)), kernels_(kernels), seconds_(plan_->ops.size(), 0.0) {
    program();
}

std::shared_ptr<const Program> Engine::program() {
    std::shared_ptr<const Program>& made = programs_[{capacity_, precision()}];
    if (!made) made = make_program(plan_, {kernels_, precision(), capacity_});
    return made;
}

Precision Engine::precision() const {
    const bool floats = wanted_ == SLSC_FLOAT32 || (wanted_ == SLSC_FASTEST && !kernels_->fast_integers);
    return floats ? Precision::Float32 : Precision::AsPlanned;
}

bool Engine::has_integers() const {
    const auto whole = [](const Value& value) { return value.dtype == DType::U8; };
    return std::any_of(plan_->values.begin(), plan_->values.end(), whole);
}

void Engine::set_precision(slsc_precision precision) {
    require(precision >= SLSC_AS_PLANNED && precision <= SLSC_FLOAT32, SLSC_BAD_ARGUMENT, "no such precision");
    if (precision != wanted_) schedule_.reset();
    wanted_ = precision;
}

void Engine::set_capacity(int capacity) {
    require(capacity >= 0 && capacity <= int(plan_->header.m), SLSC_BAD_ARGUMENT,
            "capacity must be in 0.." + std::to_string(plan_->header.m));
    if (capacity == capacity_) return;
    capacity_ = capacity;
    schedule_.reset();
}

void Engine::set_band(int rows) {
    require(rows >= 0, SLSC_BAD_ARGUMENT, "a band must have rows, or 0 for as many as suit the cache");
    if (rows != band_) schedule_.reset();
    band_ = rows;
}

void Engine::set_memory(uint64_t bytes) {
    if (bytes != memory_) schedule_.reset();
    memory_ = bytes;
}

const Schedule& Engine::prepare(int height, int width) {
    require(!context_->forked(), SLSC_BAD_ARGUMENT, "this process was forked from the one that opened the engine; open it here");
    if (!schedule_ || schedule_->input().height != width || schedule_->input().width != height) {
        schedule_.reset();
        schedule_ = make_schedule(program(), {width, height, context_->thread_count(), band_, memory_});
    }
    return *schedule_;
}

void Engine::run(const ImageRows& rows) {
    std::fill(seconds_.begin(), seconds_.end(), 0.0);
    run_schedule(*schedule_, *context_, rows, seconds_);
}

void Engine::run(const float* input, int height, int width, float* output) {
    prepare(height, width);
    const auto planes = [](const float* data, const Shape& shape) {
        return Planes{const_cast<float*>(data), int64_t(shape.width) * shape.height, 0};
    };
    const Planes in = planes(input, schedule_->input()), out = planes(output, schedule_->output());
    run({[&](int, int) { return in; }, [&](int, int) { return out; }, [](int, int) {}});
}

void Engine::run_rows(int height, int width, const ReadRows& read, const WriteRows& write) {
    prepare(height, width);
    std::vector<float> in(schedule_->entering_floats), out(schedule_->leaving_floats);
    const auto planes = [](std::vector<float>& rows, const Shape& shape, int first, int end) {
        return Planes{rows.data(), int64_t(end - first) * shape.height, first};
    };
    const auto go_on = [](bool asked) { require(asked, SLSC_STOPPED, "stopped by the caller"); };
    run({[&](int first, int end) {
             go_on(read(first, end - first, in.data()));
             return planes(in, schedule_->input(), first, end);
         },
         [&](int first, int end) { return planes(out, schedule_->output(), first, end); },
         [&](int first, int end) { go_on(write(first, end - first, out.data())); }});
}

uint64_t Engine::rows_bytes() const {
    if (!schedule_) return 0;
    const uint64_t scratch = schedule_->scratch_floats * uint64_t(context_->thread_count());
    return sizeof(float) * (schedule_->placement.floats + schedule_->entering_floats + schedule_->leaving_floats + scratch);
}

uint64_t Engine::macs(int op) const {
    if (!schedule_) return 0;
    uint64_t all = 0;
    for (const Node& node : schedule_->program->nodes) {
        if (node.source != op || !convolves(node.op)) continue;
        const Shape& out = schedule_->shapes[node.op.out];
        const int r = node.op.conv.shuffle;
        all += node.conv.macs * uint64_t(out.height / r) * uint64_t(out.width / r);
    }
    return all;
}

}  // namespace slsc
