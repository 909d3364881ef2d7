#include "schedule/bands.hpp"

#include <algorithm>

namespace slsc {
namespace {

constexpr int64_t kMaxMoves = 1 << 20;  // a second

// Whether the parts of a value follow each other from its first of `channels` channels to its last.
bool cover(const std::vector<Bands::Part>& parts, int channels) {
    int next = 0;
    for (const Bands::Part& part : parts) {
        if (part.channel != next) return false;
        next += part.channels;
    }
    return next == channels;
}

}  // namespace

Bands::Bands(const Plan& plan, const std::vector<Shape>& shapes, const std::vector<int>& runs_with, int columns)
    : plan_(plan), shapes_(shapes), runs_with_(runs_with), columns_(columns), segment_of_(plan.ops.size()) {
    std::vector<int> written(plan.values.size(), -1);  // the segment that writes a value
    for (int i = 0; i < int(plan.ops.size()); ++i) {
        const Op& op = plan.ops[i];
        const bool waits = op.type == OpType::GlobalMean && written[op.in[0]] + 1 == int(segments_.size());
        if (segments_.empty() || waits) segments_.push_back({i, i});
        segments_.back().end = i + 1;
        segment_of_[i] = written[op.out] = int(segments_.size()) - 1;
    }
    last_segment_ = written[plan.header.output];
    list_parts();
    restart();
}

void Bands::list_parts() {
    parts_.resize(plan_.values.size());
    for (const Op& op : plan_.ops) parts_[op.out].push_back({op.out_channel, channels_of(op).out, {0, 0}});
    for (size_t value = 0; value < parts_.size(); ++value) {
        std::vector<Part>& parts = parts_[value];
        std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.channel < b.channel; });
        if (parts.size() < 2 || !cover(parts, int(plan_.values[value].channels))) parts.clear();
    }
    parts_[plan_.header.output].clear();  // leaves as a whole
}

int Bands::columns_of(int value, int columns) const {
    const int64_t image = shapes_[plan_.header.input].width, width = shapes_[value].width;
    return int(std::min(width, (columns * width + image - 1) / image));
}

void Bands::restart() {
    from_.assign(plan_.ops.size(), 0);
    done_.assign(plan_.ops.size(), 0);
    for (std::vector<int>* each : {&ready_, &first_, &start_, &end_}) each->assign(shapes_.size(), 0);
    segment_ = 0;
    moves_ = 0;
    const uint32_t image = plan_.header.input;
    ready_[image] = end_[image] = shapes_[image].width;
}

int Bands::restored() const { return segment_ < last_segment_ ? 0 : ready_[plan_.header.output]; }

// How far operation `index` can go in this step.
int Bands::reach(int index) const {
    const int together = runs_with_[index];
    int least = reach_alone(together);
    for (int i = together - 1; i >= 0 && runs_with_[i] == together; --i) least = std::min(least, reach_alone(i));
    return least;
}

int Bands::reach_alone(int index) const {
    const Op& op = plan_.ops[index];
    const Shape& out = shapes_[op.out];
    const int unit = columns_at_once(op), band = (columns_of(op.out, columns_) + unit - 1) / unit * unit;
    int low = done_[index] / unit, high = std::min(out.width, done_[index] + band) / unit;
    while (low < high) {
        const int middle = (low + high + 1) / 2;
        bool there = true;
        for (int input = 0; input < 2; ++input) {
            if (op.in[input] < 0) continue;
            const Columns read = columns_read(op, input, shapes_[op.in[input]], out, middle * unit - 1);
            there &= read.end <= ready_[op.in[input]];
        }
        if (there) low = middle;
        else high = middle - 1;
    }
    return low * unit;
}

bool Bands::step(const Segment& segment) {
    segment_ = segment_of_[segment.first];
    bool more = false;
    for (int i = segment.first; i < segment.end; ++i) {
        const int value = plan_.ops[i].out;
        more |= done_[i] < shapes_[value].width;
        ready_[value] = shapes_[value].width;
    }
    if (!more) return false;
    moves_ += segment.end - segment.first;
    if (moves_ > kMaxMoves) columns_ = shapes_[plan_.header.input].width;
    for (int i = segment.first; i < segment.end; ++i) {
        const int value = plan_.ops[i].out;
        from_[i] = done_[i];
        done_[i] = reach(i);
        ready_[value] = std::min(ready_[value], done_[i]);
        end_[value] = std::max(end_[value], done_[i]);
    }
    drop(segment);
    return true;
}

// Finds what later steps of the segment still need.
void Bands::drop(const Segment& segment) {
    const auto each = [&](auto apply) {
        for (int i = segment.first; i < segment.end; ++i) {
            const Op& op = plan_.ops[i];
            for (int input = 0; input < 2; ++input)
                if (op.in[input] >= 0) apply(i, op.in[input], input);
            apply(i, op.out, -1);
        }
    };
    each([&](int, int value, int) { first_[value] = start_[value]; });
    each([&](int, int value, int) { start_[value] = shapes_[value].width; });
    each([&](int i, int value, int input) {
        const Shape& out = shapes_[plan_.ops[i].out];
        if (done_[i] == out.width) return;
        const int needed = input < 0 ? done_[i] : columns_read(plan_.ops[i], input, shapes_[value], out, done_[i]).first;
        start_[value] = std::min(start_[value], needed);
    });
    drop_parts(segment);
}

void Bands::drop_parts(const Segment& segment) {
    const auto each = [&](int value, int channel, int channels, auto apply) {
        for (Part& part : parts_[value])
            if (part.channel < channel + channels && channel < part.channel + part.channels) apply(part.kept);
    };
    for (int i = segment.first; i < segment.end; ++i) {
        const Op& op = plan_.ops[i];
        each(op.out, op.out_channel, channels_of(op).out, [&](Columns& kept) { kept = {done_[i], done_[i]}; });
    }
    for (int i = segment.first; i < segment.end; ++i) {
        const Op& op = plan_.ops[i];
        const Shape& out = shapes_[op.out];
        for (int input = 0; input < 2; ++input) {
            const int value = op.in[input];
            if (value < 0 || done_[i] == out.width) continue;
            const int first = columns_read(op, input, shapes_[value], out, done_[i]).first;
            each(value, op.in_channel[input], input ? channels_of(op).in1 : channels_of(op).in0,
                 [&](Columns& kept) { kept.first = std::min(kept.first, first); });
        }
    }
}

}  // namespace slsc
