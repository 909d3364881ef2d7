#include "engine.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "arena.hpp"
#include "shapes.hpp"

namespace slsc {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kMaxFloats = size_t(1) << 40;

// Zeroed, because lanes past the image's end are computed on too and should meet no NaN. Null when there is no memory.
Floats allocate(size_t floats) {
    const size_t bytes = (floats * sizeof(float) + kAlignment - 1) / kAlignment * kAlignment;
    void* memory = std::aligned_alloc(kAlignment, bytes);
    if (memory) std::memset(memory, 0, bytes);
    return Floats(static_cast<float*>(memory));
}

// Makes `held` at least `floats` long.
bool grow(Floats& memory, size_t& held, size_t floats) {
    if (floats <= held) return true;
    memory.reset();
    held = 0;
    if (floats > kMaxFloats) return false;
    memory = allocate(floats);
    if (memory) held = floats;
    return memory != nullptr;
}

}  // namespace

Engine::Engine(std::unique_ptr<Plan> plan, const Kernels* kernels, int threads)
    : plan_(std::move(plan)), kernels_(kernels), pool_(threads), seconds_(plan_->ops.size(), 0.0) {
    ready_convolutions();
}

slsc_status Engine::fail(slsc_status status, std::string why) {
    error_ = std::move(why);
    return status;
}

slsc_status Engine::set_capacity(int capacity) {
    if (capacity < 0 || capacity > int(plan_->header.m))
        return fail(SLSC_BAD_ARGUMENT, "capacity must be in 0.." + std::to_string(plan_->header.m));
    if (capacity == capacity_) return SLSC_OK;
    capacity_ = capacity;
    ready_convolutions();
    shapes_.clear();  // jobs point into the lists
    return SLSC_OK;
}

void Engine::ready_convolutions() {
    convolutions_.assign(plan_->ops.size(), Convolution{});
    for (size_t i = 0; i < convolutions_.size(); ++i)
        if (plan_->ops[i].type == OpType::Conv)
            convolutions_[i] = ready_convolution(*plan_, plan_->ops[i], capacity_, *kernels_);
}

const OpKernel& Engine::kernel(OpType type) const {
    switch (type) {
        case OpType::Conv: return kernels_->conv;
        case OpType::Binary: return kernels_->binary;
        case OpType::Unary: return kernels_->unary;
        case OpType::Pool: return kernels_->pool;
        case OpType::GlobalMean: return kernels_->global_mean;
        case OpType::Resize: return kernels_->resize;
        case OpType::Pad: return kernels_->pad;
        case OpType::DepthToSpace: return kernels_->depth_to_space;
        case OpType::SpaceToDepth: return kernels_->space_to_depth;
        case OpType::ChannelMean: break;
    }
    return kernels_->channel_mean;
}

View Engine::view(int value, int channel, int channels) const {
    const Shape& s = shapes_[value];
    const int64_t plane = int64_t(s.rows) * s.width * kernels_->lanes;
    return {arena_.get() + offsets_[value] + channel * plane, channels, s.height, s.width, s.rows, s.pixel, plane, 0, s.width};
}

Job Engine::job(size_t index) const {
    const Op& op = plan_->ops[index];
    const Channels channels = channels_of(op);
    const auto floats = [&](int32_t array) { return array >= 0 ? plan_->floats(array) : nullptr; };
    Job job;
    job.op = &op;
    job.in0 = view(op.in[0], op.in_channel[0], channels.in0);
    if (op.in[1] >= 0) job.in1 = view(op.in[1], op.in_channel[1], channels.in1);
    job.out = view(op.out, op.out_channel, channels.out);
    job.to = job.out.width;
    job.slopes = floats(op.array[3]);
    if (op.type == OpType::Conv) {
        job.taps = convolutions_[index].taps.view();
        job.dense = convolutions_[index].dense.view();
        job.bias = floats(op.array[2]);
    } else if (op.type == OpType::Unary) {
        job.scale = floats(op.array[0]);
        job.shift = floats(op.array[1]);
    }
    return job;
}

slsc_status Engine::prepare(int height, int width) {
    if (!shapes_.empty() && input().height == height && input().width == width) return SLSC_OK;
    std::vector<Shape> shapes;
    std::string why;
    if (!infer_shapes(*plan_, kernels_->lanes, height, width, shapes, why)) return fail(SLSC_BAD_SIZE, why);
    Placement placement = place_values(*plan_, shapes, kernels_->lanes);
    shapes_ = std::move(shapes);
    offsets_ = std::move(placement.offsets);
    arena_floats_ = placement.floats;
    ready_ = false;
    return SLSC_OK;
}

slsc_status Engine::make_ready() {
    if (ready_) return SLSC_OK;
    if (!grow(arena_, held_floats_, arena_floats_))
        return fail(SLSC_NO_MEMORY, std::to_string(arena_bytes()) + " bytes for the image's values");
    jobs_.clear();
    scratch_floats_ = 0;
    for (size_t i = 0; i < plan_->ops.size(); ++i) {
        jobs_.push_back(job(i));
        const OpKernel& k = kernel(plan_->ops[i].type);
        if (k.scratch_floats) scratch_floats_ = std::max(scratch_floats_, k.scratch_floats(jobs_.back()));
    }
    scratch_floats_ = (scratch_floats_ + kGuardFloats - 1) / kGuardFloats * kGuardFloats;
    if (!grow(scratch_, held_scratch_, scratch_floats_ * size_t(pool_.threads())))
        return fail(SLSC_NO_MEMORY, "for the threads' scratch");
    ready_ = true;
    return SLSC_OK;
}

slsc_status Engine::run(const float* input, int height, int width, float* output) {
    slsc_status status = prepare(height, width);
    if (status == SLSC_OK) status = make_ready();
    if (status != SLSC_OK) return status;
    const Header& header = plan_->header;
    const View image = view(int(header.input), 0, this->input().channels);
    pool_.run(image.channels * image.rows, [&](int item, int) { kernels_->to_strips(input, image, 0, image.width, item); });
    for (size_t i = 0; i < jobs_.size(); ++i) {
        const auto begun = std::chrono::steady_clock::now();
        const Job& job = jobs_[i];
        const OpKernel& k = kernel(job.op->type);
        pool_.run(k.items(job), [&](int item, int worker) { k.run(job, item, scratch_.get() + worker * scratch_floats_); });
        seconds_[i] = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    }
    const View restored = view(int(header.output), 0, this->output().channels);
    pool_.run(restored.channels * restored.rows, [&](int item, int) { kernels_->from_strips(restored, output, 0, restored.width, item); });
    return SLSC_OK;
}

uint64_t Engine::macs(size_t index) const {
    const Op& op = plan_->ops[index];
    if (op.type != OpType::Conv || shapes_.empty()) return 0;
    const Shape& out = shapes_[op.out];
    return convolutions_[index].macs * uint64_t(out.height / op.p[15]) * uint64_t(out.width / op.p[15]);
}

}  // namespace slsc
