// What a kernel is given: one node of one step.
#pragma once

#include <vector>

#include "schedule/schedule.hpp"

namespace slsc {

// `channels` channels of a value from `channel` on; its place, in the arena at `arena`, begins with column `first`. Without an
// arena the sizes are right.
View view_of(const Schedule& schedule, float* arena, int value, int channel, int channels, int first);

constexpr int kNoChoice = -1;  // of a node that has none

// Calls use(choice) with each of a node's choices, or once where it has none.
template <typename Use>
void each_choice(const Node& node, Use use) {
    if (node.choices.empty()) use(kNoChoice);
    for (int choice = 0; choice < int(node.choices.size()); ++choice) use(choice);
}

// How a job is made: by which choice of its node, and of which pixels, null for all.
struct Chosen {
    int choice;
    const ChosenPixels* pixels;
};

Job job_of(const Schedule& schedule, const Step& step, int node, float* arena, const Chosen& chosen);

const OpKernel& kernel_of(const Program& program, const Node& node, int choice);

// The job of a node, by one of its choices, and behind it those of the siblings that run with it.
std::vector<Job> jobs_of(const Schedule& schedule, const Step& step, int node, float* arena, const Chosen& chosen);

}  // namespace slsc
