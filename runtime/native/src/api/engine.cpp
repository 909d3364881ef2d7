#include "api/engine.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "api/run.hpp"
#include "support/error.hpp"

namespace slsc {

Engine::Engine(std::shared_ptr<Context> context, std::shared_ptr<const Plan> plan, const Kernels* kernels)
    : context_(std::move(context)), plan_(std::move(plan)), kernels_(kernels), seconds_(plan_->ops.size(), 0.0) {
    program();
}

std::shared_ptr<const Program> Engine::program() {
    std::shared_ptr<const Program>& made = programs_[capacity_];
    if (!made) made = make_program(plan_, {kernels_, Precision::Float32, capacity_});
    return made;
}

void Engine::set_capacity(int capacity) {
    require(capacity >= 0 && capacity <= int(plan_->header.m), SLSC_BAD_ARGUMENT,
            "capacity must be in 0.." + std::to_string(plan_->header.m));
    if (capacity == capacity_) return;
    capacity_ = capacity;
    schedule_.reset();
}

void Engine::set_band(int columns) {
    require(columns >= 0, SLSC_BAD_ARGUMENT, "a band must have columns, or 0 for as many as suit the cache");
    if (columns != band_) schedule_.reset();
    band_ = columns;
}

const Schedule& Engine::prepare(int height, int width) {
    require(!context_->forked(), SLSC_BAD_ARGUMENT, "this process was forked from the one that opened the engine; open it here");
    if (!schedule_ || schedule_->input().height != height || schedule_->input().width != width) {
        schedule_.reset();
        schedule_ = make_schedule(program(), {height, width, context_->thread_count(), band_});
    }
    return *schedule_;
}

void Engine::run(const float* input, int height, int width, float* output) {
    prepare(height, width);
    std::fill(seconds_.begin(), seconds_.end(), 0.0);
    run_schedule(*schedule_, *context_, input, output, seconds_);
}

uint64_t Engine::macs(int op) const {
    if (!schedule_) return 0;
    for (const Node& node : schedule_->program->nodes) {
        if (node.source != op || node.op.type != OpType::Conv) continue;
        const Shape& out = schedule_->shapes[node.op.out];
        const int r = node.op.conv.shuffle;
        return node.conv.macs * uint64_t(out.height / r) * uint64_t(out.width / r);
    }
    return 0;
}

}  // namespace slsc
