#include "api/engine.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>

#include "schedule/band_width.hpp"
#include "program/siblings.hpp"
#include "conv/folded_residual.hpp"
#include "schedule/shapes.hpp"

namespace slsc {
Engine::Engine(std::unique_ptr<Plan> plan, const Kernels* kernels, int threads)
    : plan_(std::move(plan)), kernels_(kernels), pool_(threads), seconds_(plan_->ops.size(), 0.0) {
    merge_pairs();
    identity_ = take_additions(*plan_);
    runs_with_.resize(plan_->ops.size());
    std::iota(runs_with_.begin(), runs_with_.end(), 0);
    convolutions_.resize(plan_->ops.size());
    for (size_t i = 0; i < convolutions_.size(); ++i) ready_convolution(i);
    runs_with_ = run_beside(*plan_, convolutions_);
    for (size_t i = 0; i < convolutions_.size(); ++i)
        if (runs_with_[i] != int(i)) ready_convolution(i);
    credit_work();
}

void Engine::merge_pairs() {
    const std::vector<int> firsts = mergeable_firsts(*plan_, kernels_->tap_cost);
    std::vector<bool> merged(firsts.size(), false);  // into a later one
    for (int first : firsts)
        if (first >= 0) merged[first] = true;
    std::vector<Op> ops;
    for (int i = 0; i < int(firsts.size()); ++i) {
        if (merged[i]) continue;
        ops.push_back(plan_->ops[i]);
        pairs_.emplace_back();
        loaded_as_.push_back(i);
        if (firsts[i] < 0) continue;
        pairs_.back() = Pair{plan_->ops[firsts[i]], plan_->ops[i]};
        ops.back() = merged_op(*pairs_.back());
    }
    plan_->ops = std::move(ops);
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
    for (size_t i = 0; i < convolutions_.size(); ++i) ready_convolution(i);
    credit_work();
    ready_ = false;  // scratch may have to grow
    return SLSC_OK;
}

slsc_status Engine::set_band(int columns) {
    if (columns < 0) return fail(SLSC_BAD_ARGUMENT, "a band must have columns, or 0 for as many as suit the cache");
    if (columns != band_) prepared_ = false;
    band_ = columns;
    return SLSC_OK;
}

void Engine::ready_convolution(size_t i) {
    const Op& op = plan_->ops[i];
    if (pairs_[i]) convolutions_[i] = ready_pair(*plan_, *pairs_[i], capacity_);
    else if (runs_with_[i] != int(i)) convolutions_[i] = ready_beside(*plan_, op, plan_->ops[runs_with_[i]], capacity_, *kernels_);
    else if (op.type == OpType::Conv)
        convolutions_[i] = slsc::ready_convolution(*plan_, op, identity_[i], capacity_, *kernels_);
}

void Engine::credit_work() {
    for (size_t i = 0; i < convolutions_.size(); ++i)
        if (runs_with_[i] != int(i)) convolutions_[runs_with_[i]].macs += std::exchange(convolutions_[i].macs, 0);
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

Job Engine::job(size_t index) const {
    const Op& op = plan_->ops[index];
    const Channels channels = channels_of(op);
    const auto floats = [&](int32_t array) { return array >= 0 ? plan_->floats(array) : nullptr; };
    Job job;
    job.op = &op;
    job.in0 = storage_.view(op.in[0], op.in_channel[0], channels.in0);
    if (op.in[1] >= 0) job.in1 = storage_.view(op.in[1], op.in_channel[1], channels.in1);
    job.out = storage_.view(op.out, op.out_channel, channels.out);
    job.from = bands_->made(int(index)).first, job.to = bands_->made(int(index)).end;
    job.slopes = floats(op.array[3]);
    if (op.type == OpType::Conv) {
        const Convolution& ready = convolutions_[index];
        job.taps = ready.taps.view();
        job.dense = ready.dense.view();
        job.few = ready.few.empty() ? nullptr : ready.few.data();
        job.merged = ready.merged.view();
        job.bias = floats(op.array[2]);
    } else if (op.type == OpType::Unary) {
        job.scale = floats(op.array[0]);
        job.shift = floats(op.array[1]);
    }
    return job;
}

// Calls use(job) with the job of an operation, and behind it those of operations that run with it.
template <typename Use>
void Engine::with_job(int op, Use use) const {
    std::vector<Job> jobs;
    for (int i = op; i >= 0 && runs_with_[i] == op; --i) jobs.push_back(job(size_t(i)));
    for (size_t i = 1; i < jobs.size(); ++i) jobs[i - 1].beside = &jobs[i];
    use(jobs.front());
}

slsc_status Engine::prepare(int height, int width) {
    if (prepared_ && input().height == height && input().width == width) return SLSC_OK;
    prepared_ = ready_ = false;
    std::string why;
    if (!infer_shapes(*plan_, kernels_->lanes, height, width, shapes_, why)) return fail(SLSC_BAD_SIZE, why);
    bands_.emplace(*plan_, shapes_, runs_with_, band_ > 0 ? band_ : band_width(*plan_, shapes_, kernels_->tuning, pool_.threads()));
    storage_.place(*plan_, shapes_, kernels_->lanes, *bands_);
    prepared_ = true;
    return SLSC_OK;
}

slsc_status Engine::make_ready() {
    if (ready_) return SLSC_OK;
    if (!storage_.allocate()) return fail(SLSC_NO_MEMORY, std::to_string(arena_bytes()) + " bytes for the image's values");
    scratch_floats_ = 0;
    for (size_t i = 0; i < plan_->ops.size(); ++i) {
        const OpKernel& k = kernel(plan_->ops[i].type);
        if (k.scratch_floats && runs_with_[i] == int(i))
            with_job(int(i), [&](const Job& job) { scratch_floats_ = std::max(scratch_floats_, k.scratch_floats(job)); });
    }
    scratch_floats_ = (scratch_floats_ + kGuardFloats - 1) / kGuardFloats * kGuardFloats;
    if (!scratch_.grow(scratch_floats_ * size_t(pool_.threads()))) return fail(SLSC_NO_MEMORY, "for the threads' scratch");
    ready_ = true;
    return SLSC_OK;
}

// All operations of a segment, one band further.
void Engine::run_step(const Bands::Segment& segment) {
    storage_.begin(*bands_, segment);
    for (int i = segment.first; i < segment.end; ++i) {
        const Columns made = bands_->made(i);
        const auto begun = std::chrono::steady_clock::now();
        storage_.fetch(i, pool_);
        if (made.first < made.end && runs_with_[i] == i)
            with_job(i, [&](const Job& job) {
                const OpKernel& k = kernel(job.op->type);
                pool_.run(k.items(job), [&](int item, int worker) { k.run(job, item, scratch_.get() + worker * scratch_floats_); });
            });
        storage_.keep(i, *bands_, pool_);
        seconds_[loaded_as_[i]] += std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    }
}

slsc_status Engine::run(const float* input, int height, int width, float* output) {
    slsc_status status = prepare(height, width);
    if (status == SLSC_OK) status = make_ready();
    if (status != SLSC_OK) return status;
    const int image = int(plan_->header.input), restored = int(plan_->header.output);
    const View in = storage_.view(image, 0, this->input().channels);
    pool_.run(in.channels * in.rows, [&](int item, int) { kernels_->to_strips(input, in, 0, in.width, item); });
    std::fill(seconds_.begin(), seconds_.end(), 0.0);
    bands_->restart();
    int written = 0;
    const auto write = [&](int end) {
        const View out = storage_.view(restored, 0, this->output().channels);
        const int begin = std::exchange(written, std::max(written, end));
        if (begin >= end) return;
        pool_.run(out.channels * out.rows, [&](int item, int) { kernels_->from_strips(out, output, begin, end, item); });
    };
    for (const Bands::Segment& segment : bands_->segments())
        while (bands_->step(segment)) {
            run_step(segment);
            write(bands_->restored());
        }
    write(bands_->restored());  // of a plan without operations
    return SLSC_OK;
}

uint64_t Engine::macs(size_t index) const {
    const auto found = std::find(loaded_as_.begin(), loaded_as_.end(), int(index));
    if (found == loaded_as_.end() || !prepared_) return 0;
    const size_t at = size_t(found - loaded_as_.begin());
    const Op& op = plan_->ops[at];
    if (op.type != OpType::Conv) return 0;
    const Shape& out = shapes_[op.out];
    return convolutions_[at].macs * uint64_t(out.height / op.p[15]) * uint64_t(out.width / op.p[15]);
}

}  // namespace slsc
