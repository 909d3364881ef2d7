// What a kernel is given: one node of one step.
#pragma once

#include <vector>

#include "schedule/schedule.hpp"

namespace slsc {

// `channels` channels of a value from `channel` on; its place, in the arena at `arena`, begins with column `first`. Without an
// arena the sizes are right.
View view_of(const Schedule& schedule, float* arena, int value, int channel, int channels, int first);

Job job_of(const Schedule& schedule, const Step& step, int node, float* arena);

const OpKernel& kernel_of(const Program& program, const Node& node);

// Calls use(job) with the job of a node, and behind it those of the siblings that run with it.
template <typename Use>
void with_job(const Schedule& schedule, const Step& step, int node, float* arena, Use use) {
    std::vector<Job> jobs;
    for (int i = node; i >= step.first && schedule.program->nodes[i].leader == node; --i)
        jobs.push_back(job_of(schedule, step, i, arena));
    for (size_t i = 1; i < jobs.size(); ++i) jobs[i - 1].sibling = &jobs[i];
    use(static_cast<const Job&>(jobs.front()));
}

}  // namespace slsc
