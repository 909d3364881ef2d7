#include "schedule/job.hpp"

#include "ops/spec.hpp"
#include "program/by_pixel.hpp"

namespace slsc {

View view_of(const Schedule& schedule, float* arena, int value, int channel, int channels, int first) {
    const Shape& s = schedule.shapes[value];
    const Place& place = schedule.placement.places[schedule.placement.place_of[value]];
    const int64_t plane = plane_floats(place.pitch, schedule.program->lanes());
    if (s.layout == Layout::Bytes || s.layout == Layout::Halves)
        channels = int(schedule.program->values[value].channels), channel = 0;  // see View
    float* data = arena ? arena + place.offset + channel * plane : nullptr;
    return {data, channels, s.height, s.width, s.rows, s.pixel, plane, s.channels * plane, first, place.pitch, s.block, s.layout};
}

Job job_of(const Schedule& schedule, const Step& step, int index, float* arena, const Chosen& chosen) {
    const int choice = chosen.choice;
    const Node& node = schedule.program->nodes[index];
    const Plan& plan = *schedule.program->plan;
    const NodeStep& at = schedule.node_steps[step.at + index - step.first];
    const Op& op = choice == kNoChoice ? node.op : node.choices[choice].op;
    const Channels channels = channels_of(op);
    Job job;
    job.op = &op;
    job.in0 = view_of(schedule, arena, op.in[0], op.in_channel[0], channels.in0, at.first[0]);
    if (op.in[1] >= 0) job.in1 = view_of(schedule, arena, op.in[1], op.in_channel[1], channels.in1, at.first[1]);
    job.out = view_of(schedule, arena, op.out, op.out_channel, channels.out, at.out_first);
    for (const Quantized& each : node.quantized) {
        const View out = view_of(schedule, arena, each.value, 0, channels.out, at.quantized_first[job.quantized_count]);
        const float* factors = plan.floats_or_null(each.factors);
        if (factors) factors += each.first_factor;
        job.quantized[job.quantized_count++] = {out, each.channel, each.quantization, factors};
    }
    job.chosen = chosen.pixels;
    job.from = at.made.first, job.to = at.made.end;
    job.slopes = plan.floats_or_null(op.slopes);
    job.weights = (choice == kNoChoice ? node.conv : node.choices[choice].conv).weights.get();
    const OpSpec& spec = spec_of(op.type);
    const OpArrays arrays = spec.arrays ? spec.arrays(op) : OpArrays{};
    job.bias = plan.floats_or_null(arrays.bias);
    job.scale = plan.floats_or_null(arrays.scale);
    if (job.scale) job.scale += node.first_factor;
    job.shift = plan.floats_or_null(arrays.shift);
    return job;
}

std::vector<Job> jobs_of(const Schedule& schedule, const Step& step, int node, float* arena, const Chosen& chosen) {
    std::vector<Job> jobs;
    for (int i = node; i >= step.first && schedule.program->nodes[i].leader == node; --i)
        jobs.push_back(job_of(schedule, step, i, arena, chosen));
    for (size_t i = 1; i < jobs.size(); ++i) jobs[i - 1].sibling = &jobs[i];
    return jobs;
}

const OpKernel& kernel_of(const Program& program, const Node& node, int choice) {
    if (rearranges(program, node.op)) return program.target.kernels->rearrange;
    if (node.bytes) return program.target.kernels->integers->folded_bytes;
    if (node.op.type != OpType::Conv) return program.target.kernels->op(node.op.type);
    return (choice == kNoChoice ? node.conv : node.choices[choice].conv).variant->kernel;
}

}  // namespace slsc
