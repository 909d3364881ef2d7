#include "memory_model.hpp"

#include <algorithm>
#include <string>

#include "check.hpp"
#include "ops/spec.hpp"

using slsc::Columns;
using slsc::Op;

MemoryModel::MemoryModel(const slsc::Schedule& schedule) : schedule_(schedule) {}

void MemoryModel::run() {
    int copied = 0, slid = 0, entered = 0, left = 0;
    for (const slsc::Step& each : schedule_.steps) {
        for (; slid < each.slide; ++slid) slide(schedule_.slides[size_t(slid)]);
        CHECK_SAID(each.entered.first == entered, "the image does not enter in order");
        entered = each.entered.end;
        enter(each);
        step(each, copied);
        leave(each, left);
        left = std::max(left, each.restored);
    }
    const int output = int(schedule_.program->plan->header.output);
    CHECK_SAID(left == schedule_.shapes[output].width, "the output is not complete");
}

void MemoryModel::enter(const slsc::Step& step) {
    const int image = int(schedule_.program->plan->header.input);
    for (int channel = 0; channel < schedule_.shapes[image].channels; ++channel)
        for (int column = step.entered.first; column < step.entered.end; ++column)
            held_[address(image, channel, column, step.image_first)] = {image, channel, column};
}

void MemoryModel::leave(const slsc::Step& step, int left) const {
    const int output = int(schedule_.program->plan->header.output);
    for (int channel = 0; channel < schedule_.shapes[output].channels; ++channel)
        for (int column = left; column < step.restored; ++column) {
            const auto found = held_.find(address(output, channel, column, step.output_first));
            const Name wanted{output, channel, column};
            CHECK_SAID(found != held_.end() && found->second == wanted,
                       "column " + std::to_string(column) + " of the output is not where it leaves from");
        }
}

void MemoryModel::slide(const slsc::Slide& slide) {
    for (int c = 0; c < schedule_.shapes[slide.value].channels; ++c)
        for (int x = slide.columns.first; x < slide.columns.end; ++x) {
            const auto found = held_.find(address(slide.value, c, x, slide.from));
            if (found != held_.end()) held_[address(slide.value, c, x, slide.to)] = found->second;
        }
}

void MemoryModel::step(const slsc::Step& step, int& copied) {
    for (int i = step.first; i < step.end; ++i) {
        const slsc::NodeStep& at = schedule_.node_steps[step.at + i - step.first];
        for (; copied < at.fetch; ++copied) copy(schedule_.copies[copied], false);
        if (schedule_.program->nodes[i].leader == i)
            for (int j = step.first; j <= i; ++j) {  // siblings read what their leader does, and before it writes
                if (schedule_.program->nodes[j].leader != i) continue;
                const slsc::NodeStep& sibling = schedule_.node_steps[step.at + j - step.first];
                for (int input = 0; input < 2; ++input) read(schedule_.program->nodes[j].op, input, sibling);
                write(schedule_.program->nodes[j].op, sibling);
            }
        for (; copied < at.keep; ++copied) copy(schedule_.copies[copied], true);
    }
}

void MemoryModel::read(const Op& op, int input, const slsc::NodeStep& at) {
    const int value = op.in[input];
    if (value < 0) return;
    const slsc::Channels channels = slsc::channels_of(op);
    const slsc::Shape &in = schedule_.shapes[value], &out = schedule_.shapes[op.out];
    for (int x = at.made.first; x < at.made.end; ++x) {
        const Columns columns = slsc::columns_read(op, input, in, out, x);
        for (int column = columns.first; column < columns.end; ++column)
            for (int c = 0; c < (input ? channels.in1 : channels.in0); ++c) {
                const int channel = op.in_channel[input] + c;
                const auto found = held_.find(address(value, channel, column, at.first[input]));
                const Name wanted{value, channel, column};
                CHECK_SAID(found != held_.end() && found->second == wanted,
                           "column " + std::to_string(column) + " of value " + std::to_string(value) +
                               " is not where it is read for column " + std::to_string(x) + " of value " + std::to_string(op.out));
            }
    }
}

void MemoryModel::write(const Op& op, const slsc::NodeStep& at) {
    for (int x = at.made.first; x < at.made.end; ++x)
        for (int c = 0; c < slsc::channels_of(op).out; ++c)
            held_[address(op.out, op.out_channel + c, x, at.out_first)] = {op.out, op.out_channel + c, x};
}

void MemoryModel::copy(const slsc::Copy& copy, bool keep) {
    for (int c = copy.part.channel; c < copy.part.channel + copy.part.channels; ++c)
        for (int x = copy.part.kept.first; x < copy.part.kept.end; ++x) {
            const int64_t live = address(copy.value, c, x, copy.first), kept = kept_address(copy, c, x);
            const auto found = held_.find(keep ? live : kept);
            if (found != held_.end()) held_[keep ? kept : live] = found->second;
        }
}

int64_t MemoryModel::address(int value, int channel, int column, int first) const {
    const slsc::Place& place = schedule_.placement.places[schedule_.placement.place_of[value]];
    const int lanes = schedule_.program->lanes();
    CHECK_SAID(column >= first && column - first < place.pitch, "column " + std::to_string(column) + " is outside its place");
    return int64_t(place.offset) + channel * slsc::plane_floats(place.pitch, lanes) + int64_t(column - first) * lanes;
}

int64_t MemoryModel::kept_address(const slsc::Copy& copy, int channel, int column) const {
    const slsc::Place& place = schedule_.placement.places[schedule_.placement.place_of[copy.value]];
    const int lanes = schedule_.program->lanes(), at = column - copy.part.kept.first;
    CHECK_SAID(at < place.kept_pitch, "more is kept than there is place for");
    return int64_t(place.kept_offset) + channel * slsc::plane_floats(place.kept_pitch, lanes) + int64_t(at) * lanes;
}
