#include "api/engine.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "support/error.hpp"

namespace slsc {

Engine::Engine(std::shared_ptr<Context> context, std::shared_ptr<const Plan> plan, const Kernels* kernels)
    : context_(std::move(context)), plan_(std::move(plan)), kernels_(kernels), candidate_(plan_->candidates() - 1),
      seconds_(plan_->ops.size(), 0.0) {
    program(candidate_);
}

std::shared_ptr<const Program> Engine::program(int candidate) const {
    std::shared_ptr<const Program>& made = programs_[{capacity_, candidate, wanted_}];
    if (!made) made = make_program(plan_, {kernels_, precision(), capacity_, candidate, wanted_ == SLSC_FASTEST});
    return made;
}

void Engine::forget() {
    schedules_.clear();
    schedule_ = nullptr;
}

Precision Engine::precision() const {
    if (wanted_ != SLSC_FASTEST) return wanted_ == SLSC_FLOAT32 ? Precision::Float32 : Precision::AsPlanned;
    const int integers = kernels_->fast_integers ? int(Precision::Integers) : 0;
    return Precision(integers | (kernels_->fast_halves ? int(Precision::Halves) : 0));
}

bool Engine::computes_in(DType dtype) const {
    const std::vector<Node>& nodes = program(candidate_)->nodes;
    const OpType type = dtype == DType::U8 ? OpType::IntConv : OpType::HalfConv;
    return std::any_of(nodes.begin(), nodes.end(), [&](const Node& node) { return node.op.type == type; });
}

void Engine::set_precision(slsc_precision precision) {
    require(precision >= SLSC_AS_PLANNED && precision <= SLSC_FLOAT32, SLSC_BAD_ARGUMENT, "no such precision");
    if (precision != wanted_) forget();
    wanted_ = precision;
}

void Engine::set_capacity(int capacity) {
    require(capacity >= 0 && capacity <= int(plan_->header.m), SLSC_BAD_ARGUMENT,
            "capacity must be in 0.." + std::to_string(plan_->header.m));
    if (capacity != capacity_) forget();
    capacity_ = capacity;
}

void Engine::set_candidate(int candidate) {
    require(candidate >= kByRegion && candidate < candidates(), SLSC_BAD_ARGUMENT,
            "candidate must be in 0.." + std::to_string(candidates() - 1) + ", or SLSC_BY_REGION");
    if (candidate != candidate_) schedule_ = nullptr;
    candidate_ = candidate;
}

void Engine::set_region(int height, int width) {
    for (int side : {height, width})
        require(side >= 1 && side <= kMaxRegion, SLSC_BAD_ARGUMENT,
                "a region must have 1.." + std::to_string(kMaxRegion) + " pixels a side");
    if (height != region_.columns || width != region_.rows) forget();
    region_ = {width, height};
}

void Engine::set_band(int rows) {
    require(rows >= 0, SLSC_BAD_ARGUMENT, "a band must have rows, or 0 for as many as suit the cache");
    if (rows != band_) forget();
    band_ = rows;
}

void Engine::set_memory(uint64_t bytes) {
    if (bytes != memory_) forget();
    memory_ = bytes;
}

const Schedule& Engine::prepare(int height, int width) { return prepare(height, width, candidate_); }

const Schedule& Engine::prepare(int height, int width, int candidate) {
    require(!context_->forked(), SLSC_BAD_ARGUMENT, "this process was forked from the one that opened the engine; open it here");
    const auto fits = [&](const Schedule& schedule) {
        return schedule.input().height == width && schedule.input().width == height;
    };
    if (!schedules_.empty() && !fits(schedules_.begin()->second)) forget();
    auto found = schedules_.find(candidate);
    if (found == schedules_.end()) {
        const Manner manner{width, height, context_->thread_count(), band_, memory_, region_};
        found = schedules_.emplace(candidate, make_schedule(program(candidate), manner)).first;
    }
    schedule_ = &found->second;
    return *schedule_;
}

int Engine::candidate_of(const RegionMap& map, int height, int width) const {
    const int64_t rows = region_rows(height), columns = region_columns(width);
    require(map.rows == rows && map.columns == columns, SLSC_BAD_ARGUMENT,
            "the map has " + std::to_string(map.rows) + " x " + std::to_string(map.columns) + " regions, where the image has " +
                std::to_string(rows) + " x " + std::to_string(columns));
    const uint8_t* end = map.candidates + rows * columns;
    for (const uint8_t* at = map.candidates; at != end; ++at)
        require(*at < candidates() || *at == kLeftOut, SLSC_BAD_ARGUMENT,
                "the map names candidate " + std::to_string(*at) + " at region " + std::to_string((at - map.candidates) / columns) +
                    ", " + std::to_string((at - map.candidates) % columns) + ", where there are " + std::to_string(candidates()));
    const bool one = std::all_of(map.candidates, end, [&](uint8_t candidate) { return candidate == *map.candidates; });
    return one && *map.candidates != kLeftOut ? *map.candidates : kByRegion;
}

void Engine::require_one() const {
    require(candidate_ != kByRegion, SLSC_BAD_ARGUMENT, "regions have candidates of their own, but there is no map");
}

void Engine::run(const ImageRows& rows, const uint8_t* map) {
    std::fill(seconds_.begin(), seconds_.end(), 0.0);
    run_schedule(*schedule_, *context_, map, rows, seconds_);
}

void Engine::run(const float* input, int height, int width, float* output) {
    require_one();
    prepare(height, width);
    run_whole(input, nullptr, output);
}

void Engine::run(const float* input, int height, int width, const RegionMap& map, float* output) {
    prepare(height, width, candidate_of(map, height, width));
    run_whole(input, map.candidates, output);
}

void Engine::run_whole(const float* input, const uint8_t* map, float* output) {
    const auto planes = [](const float* data, const Shape& shape) {
        return Planes{const_cast<float*>(data), int64_t(shape.width) * shape.height, 0};
    };
    const Planes in = planes(input, schedule_->input()), out = planes(output, schedule_->output());
    run({[&](int, int) { return in; }, [&](int, int) { return out; }, [](int, int) {}}, map);
}

void Engine::run_rows(int height, int width, const ReadRows& read, const WriteRows& write) {
    require_one();
    prepare(height, width);
    run_by_rows(nullptr, read, write);
}

void Engine::run_rows(int height, int width, const RegionMap& map, const ReadRows& read, const WriteRows& write) {
    prepare(height, width, candidate_of(map, height, width));
    run_by_rows(map.candidates, read, write);
}

void Engine::run_by_rows(const uint8_t* map, const ReadRows& read, const WriteRows& write) {
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
         [&](int first, int end) { go_on(write(first, end - first, out.data())); }},
        map);
}

uint64_t Engine::rows_bytes() const {
    if (!schedule_) return 0;
    const uint64_t scratch = schedule_->scratch_floats * uint64_t(context_->thread_count());
    return sizeof(float) * (schedule_->placement.floats + schedule_->entering_floats + schedule_->leaving_floats + scratch);
}

uint64_t Engine::macs(int op) const {
    if (!schedule_) return 0;
    uint64_t all = 0;
    for (const Node& node : schedule_->program->nodes)
        if (node.source == op) all += macs(node);
    return all;
}

uint64_t Engine::candidate_macs(int candidate) {
    if (!schedule_ || candidate < 0 || candidate >= candidates()) return 0;
    const Schedule& last = *schedule_;
    const Schedule& of_it = prepare(last.input().width, last.input().height, candidate);
    uint64_t all = 0;
    for (const Node& node : of_it.program->nodes) all += macs(node);
    schedule_ = &last;
    return all;
}

uint64_t Engine::everywhere_macs() {
    if (!schedule_ || candidates() == 1) return 0;
    const Schedule& last = *schedule_;
    const int height = last.input().width, width = last.input().height;
    std::set<int> everywhere;  // operations of the plan
    const Schedule& by_region = prepare(height, width, kByRegion);
    for (size_t i = 0; i < by_region.regions.reaches.size(); ++i) {
        const Reach& made = by_region.regions.reaches[i].made;
        if (made.rows == kEverything || made.columns == kEverything) everywhere.insert(by_region.program->nodes[i].source);
    }
    const Schedule& cheapest = prepare(height, width, 0);
    uint64_t all = 0;
    for (const Node& node : cheapest.program->nodes)
        if (everywhere.count(node.source)) all += macs(node);
    schedule_ = &last;
    return all;
}

uint64_t Engine::macs(const Node& node) const {
    if (!convolves(node.op)) return 0;
    const Shape& out = schedule_->shapes[node.op.out];
    const int r = node.op.conv.shuffle;
    return node.conv.macs * uint64_t(out.height / r) * uint64_t(out.width / r);
}

}  // namespace slsc
