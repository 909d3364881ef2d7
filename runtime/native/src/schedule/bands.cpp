#include "schedule/bands.hpp"

#include <algorithm>
#include <cstdint>

namespace slsc {
namespace {

constexpr int64_t kMaxMoves = 1 << 20;  // of operations, by all steps: a second

// Whether the parts of a value follow each other from its first of `channels` channels to its last.
bool cover(const std::vector<Part>& parts, int channels) {
    int next = 0;
    for (const Part& part : parts) {
        if (part.channel != next) return false;
        next += part.channels;
    }
    return next == channels;
}

// By value in strips: the channels that each of several operations make; empty where one makes all.
std::vector<std::vector<Part>> list_parts(const Program& program) {
    const Plan& plan = *program.plan;
    std::vector<std::vector<Part>> all(program.values.size());
    for (const Node& node : program.nodes) all[node.op.out].push_back({node.op.out_channel, channels_of(node.op).out, {0, 0}});
    for (size_t value = 0; value < all.size(); ++value) {
        std::vector<Part>& parts = all[value];
        std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.channel < b.channel; });
        if (program.layout(int(value)) != Layout::Strips || parts.size() < 2 || !cover(parts, int(program.values[value].channels)))
            parts.clear();
    }
    all[plan.header.output].clear();  // leaves as a whole
    return all;
}

// Goes through the steps once, and writes them down.
class Walk {
public:
    Walk(const Program& program, const std::vector<Shape>& shapes, const std::vector<int>& units, Bands& bands)
        : program_(program), shapes_(shapes), units_(units), bands_(bands), from_(program.nodes.size(), 0),
          done_(program.nodes.size(), 0), ready_(shapes.size(), 0), first_(shapes.size(), 0), start_(shapes.size(), 0),
          end_(shapes.size(), 0), parts_(list_parts(program)), last_segment_(last_segment()) {}

    // False when that takes all too many steps.
    bool all() {
        int64_t moves = 0;
        for (int s = 0; s < int(bands_.segments.size()); ++s) {
            const Segment& segment = bands_.segments[s];
            while (step(segment)) {
                if (!bands_.single && (moves += segment.end - segment.first) > kMaxMoves) return false;
                record(s);
            }
        }
        return true;
    }

private:
    const Op& op(int node) const { return program_.nodes[node].op; }
    int image() const { return int(program_.plan->header.input); }

    // How far a node can go in this step.
    int reach(int node) const {
        const int leader = program_.nodes[node].leader;
        int least = reach_alone(leader);
        for (int i = leader - 1; i >= 0 && program_.nodes[i].leader == leader; --i) least = std::min(least, reach_alone(i));
        return least;
    }

    int reach_alone(int node) const {
        const Op& op = this->op(node);
        const Shape& out = shapes_[op.out];
        const OpSpec& spec = spec_of(op.type);
        const int unit = (spec.unit ? spec.unit(op, out) : 1) * (units_.empty() ? 1 : units_[node]);
        const int band = (columns_of(program_, shapes_, op.out, bands_.columns) + unit - 1) / unit * unit;
        const auto end = [&](int units) { return std::min(out.width, units * unit); };
        int low = (done_[node] + unit - 1) / unit,
            high = done_[node] + band >= out.width ? (out.width + unit - 1) / unit : (done_[node] + band) / unit;
        while (low < high) {
            const int middle = (low + high + 1) / 2;
            bool there = true;
            for (int input = 0; input < 2; ++input) {
                if (op.in[input] < 0) continue;
                const Columns read = columns_read(op, input, shapes_[op.in[input]], out, end(middle) - 1);
                there &= read.end <= ready_[op.in[input]];
            }
            if (there) low = middle;
            else high = middle - 1;
        }
        return end(low);
    }

    // False when the image was read and all nodes of the segment were complete.
    bool step(const Segment& segment) {
        const int width = shapes_[image()].width;
        entered_ = {ready_[image()], std::min(width, ready_[image()] + bands_.columns)};
        ready_[image()] = end_[image()] = entered_.end;
        bool more = entered_.first < entered_.end;
        for (int i = segment.first; i < segment.end; ++i) {
            more |= done_[i] < shapes_[op(i).out].width;
            each_made(program_.nodes[i], [&](int value) { ready_[value] = shapes_[value].width; });
        }
        if (!more) return false;
        for (int i = segment.first; i < segment.end; ++i) {
            from_[i] = done_[i];
            done_[i] = reach(i);
            each_made(program_.nodes[i], [&](int value) {
                ready_[value] = std::min(ready_[value], done_[i]);
                end_[value] = std::max(end_[value], done_[i]);
            });
        }
        drop(segment);
        drop_parts(segment);
        return true;
    }

    // Finds what later steps of the segment still need.
    void drop(const Segment& segment) {
        for (int value : segment.values) first_[value] = start_[value], start_[value] = shapes_[value].width;
        if (&segment == &bands_.segments.front()) start_[image()] = ready_[image()];
        for (int i = segment.first; i < segment.end; ++i) {
            const Op& op = this->op(i);
            const Shape& out = shapes_[op.out];
            if (done_[i] == out.width) continue;
            each_made(program_.nodes[i], [&](int value) { start_[value] = std::min(start_[value], done_[i]); });
            for (int input = 0; input < 2; ++input) {
                const int value = op.in[input];
                if (value < 0) continue;
                start_[value] = std::min(start_[value], columns_read(op, input, shapes_[value], out, done_[i]).first);
            }
        }
    }

    void drop_parts(const Segment& segment) {
        const auto each = [&](int value, int channel, int channels, auto apply) {
            for (Part& part : parts_[value])
                if (part.channel < channel + channels && channel < part.channel + part.channels) apply(part.kept);
        };
        for (int i = segment.first; i < segment.end; ++i)
            each(op(i).out, op(i).out_channel, channels_of(op(i)).out, [&](Columns& kept) { kept = {done_[i], done_[i]}; });
        for (int i = segment.first; i < segment.end; ++i) {
            const Op& op = this->op(i);
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

    void record(int segment) {
        const Segment& nodes = bands_.segments[segment];
        const int output = int(program_.plan->header.output);
        BandStep step{segment, entered_, segment < last_segment_ ? 0 : ready_[output], {}, {}};
        for (int i = nodes.first; i < nodes.end; ++i) step.made.push_back({from_[i], done_[i]});
        for (int value : nodes.values)
            step.values.push_back({{first_[value], end_[value]}, {start_[value], end_[value]}, parts_[value]});
        bands_.steps.push_back(std::move(step));
    }

    // That writes the output.
    int last_segment() const {
        for (int i = int(program_.nodes.size()); i-- > 0;)
            if (op(i).out == int(program_.plan->header.output)) return bands_.segment_of[i];
        return -1;
    }

    const Program& program_;
    const std::vector<Shape>& shapes_;
    const std::vector<int>& units_;
    Bands& bands_;
    Columns entered_{0, 0};                 // of the image in this step
    std::vector<int> from_, done_;          // by node
    std::vector<int> ready_;                // by value: columns that the nodes so far in this step have made
    std::vector<int> first_, start_, end_;  // by value
    std::vector<std::vector<Part>> parts_;  // by value
    int last_segment_;
};

// Segments, without their values. The image enters in the first.
Bands cut(const Program& program, int columns) {
    Bands bands{columns, false, {{0, 0, {}}}, {}, {}};
    std::vector<int> written(program.values.size(), -1);  // the segment that writes a value
    for (int i = 0; i < int(program.nodes.size()); ++i) {
        const Op& op = program.nodes[i].op;
        const int before = op.in[0] == int(program.plan->header.input) ? 0 : written[op.in[0]];
        const bool waits = spec_of(op.type).waits && before + 1 == int(bands.segments.size());
        if (waits) bands.segments.push_back({i, i, {}});
        bands.segments.back().end = i + 1;
        const int segment = int(bands.segments.size()) - 1;
        each_made(program.nodes[i], [&](int value) { written[value] = segment; });
        bands.segment_of.push_back(segment);
    }
    return bands;
}

void list_values(const Program& program, Segment& segment) {
    for (int i = segment.first; i < segment.end; ++i)
        each_touched(program.nodes[i], [&](int value) { segment.values.push_back(value); });
    std::sort(segment.values.begin(), segment.values.end());
    segment.values.erase(std::unique(segment.values.begin(), segment.values.end()), segment.values.end());
}

}  // namespace

Bands make_bands(const Program& program, const std::vector<Shape>& shapes, int columns, const std::vector<int>& units) {
    const Header& header = program.plan->header;
    const int width = shapes[header.input].width;
    Bands bands = cut(program, columns);
    bands.segments.front().values.push_back(int(header.input));
    for (Segment& segment : bands.segments) list_values(program, segment);
    for (;; columns *= 2) {
        bands.columns = std::min(columns, width), bands.single = columns >= width;
        bands.steps.clear();
        if (Walk(program, shapes, units, bands).all()) return bands;
    }
}

int columns_of(const Program& program, const std::vector<Shape>& shapes, int value, int columns) {
    const int64_t image = shapes[program.plan->header.input].width, width = shapes[value].width;
    return int(std::min(width, (columns * width + image - 1) / image));
}

int value_index(const Segment& segment, int value) {
    return int(std::lower_bound(segment.values.begin(), segment.values.end(), value) - segment.values.begin());
}

}  // namespace slsc
