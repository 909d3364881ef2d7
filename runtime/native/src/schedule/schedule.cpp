#include "schedule/schedule.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "schedule/band_width.hpp"
#include "schedule/job.hpp"
#include "schedule/shapes.hpp"

namespace slsc {
namespace {

// Writes down the steps of bands with the columns that places begin with, and the copies.
class Writer {
public:
    Writer(Schedule& schedule, const Bands& bands)
        : schedule_(schedule), program_(*schedule.program), bands_(bands), places_(schedule.placement.places.size()) {}

    void all() {
        for (const BandStep& step : bands_.steps) write(step);
    }

private:
    // A place in the step that is being written.
    struct Held {
        Columns held, kept;        // kept: by the end of the step
        std::vector<Part> stored;  // kept by the end of an earlier one
        bool active;               // touched by a node that makes something
        int first = 0, end = 0;  // of a place of its own: the column that it begins with, and the one after the last that is made
    };

    int place_of(int value) const { return schedule_.placement.place_of[value]; }
    const Place& place(int value) const { return schedule_.placement.places[place_of(value)]; }
    int first_of(int value) const {
        if (value < 0) return 0;
        const Held& held = places_[place_of(value)];
        return place(value).own ? held.first : held.held.first;
    }

    void begin(const BandStep& step, const Segment& segment) {
        constexpr Columns kNone{std::numeric_limits<int>::max(), 0};
        for (int value : segment.values) {
            Held& place = places_[place_of(value)];
            place.held = place.kept = kNone, place.active = false;
        }
        for (size_t i = 0; i < segment.values.size(); ++i) {
            Held& place = places_[place_of(segment.values[i])];
            place.held = either(place.held, step.values[i].held);
            place.kept = either(place.kept, step.values[i].kept);
        }
        for (int i = segment.first; i < segment.end; ++i) {
            const Columns made = step.made[i - segment.first];
            each_touched(program_.nodes[i], [&](int value) { places_[place_of(value)].active |= made.first < made.end; });
        }
        for (int value : segment.values)
            if (place(value).own) slide(value);
    }

    // Moves a window on where what the step touches goes beyond it.
    void slide(int value) {
        Held& held = places_[place_of(value)];
        if (held.held.end - held.first > place(value).pitch) {
            const Columns left{held.held.first, held.end};
            if (left.first < left.end) schedule_.slides.push_back({value, left, held.first, left.first});
            held.first = left.first;
        }
        held.end = std::max(held.end, held.held.end);
    }

    void write(const BandStep& step) {
        const Segment& segment = bands_.segments[step.segment];
        begin(step, segment);
        const Header& header = program_.plan->header;
        schedule_.steps.push_back({segment.first, segment.end, int(schedule_.node_steps.size()), int(schedule_.slides.size()),
                                   step.entered, first_of(int(header.input)), step.restored, first_of(int(header.output))});
        for (int i = segment.first; i < segment.end; ++i) {
            const Node& each = program_.nodes[i];
            const Op& op = each.op;
            NodeStep node{step.made[i - segment.first], {first_of(op.in[0]), first_of(op.in[1])}, first_of(op.out), {}, 0, 0};
            for (size_t k = 0; k < each.quantized.size(); ++k) node.quantized_first[k] = first_of(each.quantized[k].value);
            each_banded(each, [&](int value) { fetch(i, value); });
            node.fetch = int(schedule_.copies.size());
            each_banded(each, [&](int value) { keep(i, value, step.values[value_index(segment, value)]); });
            node.keep = int(schedule_.copies.size());
            schedule_.node_steps.push_back(node);
        }
    }

    // Calls visit(value) once for each place that a node touches and that lives for a band.
    template <typename Visit>
    void each_banded(const Node& node, Visit visit) const {
        int seen[3 + kMostQuantized], count = 0;
        each_touched(node, [&](int value) {
            if (place(value).own || !places_[place_of(value)].active) return;
            if (std::find(seen, seen + count, place_of(value)) != seen + count) return;
            seen[count++] = place_of(value);
            visit(value);
        });
    }

    void copy(int value, const Part& part) {
        if (part.kept.first < part.kept.end) schedule_.copies.push_back({value, part, places_[place_of(value)].held.first});
    }

    // Before the node that touches a place first: what was kept of it.
    void fetch(int node, int value) {
        if (place(value).first != node) return;
        for (const Part& part : places_[place_of(value)].stored) copy(value, part);
    }

    // After the one that touches it last: what later bands need of it.
    void keep(int node, int value, const ValueStep& step) {
        if (place(value).last != node) return;
        Held& held = places_[place_of(value)];
        held.stored = step.parts;
        if (held.stored.empty() || place(value).shared) held.stored = {{0, schedule_.shapes[value].channels, held.kept}};
        for (const Part& part : held.stored) copy(value, part);
    }

    Schedule& schedule_;
    const Program& program_;
    const Bands& bands_;
    std::vector<Held> places_;
};

// The most that a node needs. What it makes in a step does not matter: the first of each segment will do.
size_t most_scratch(const Schedule& schedule) {
    size_t most = 0;
    int done = 0;  // nodes
    for (const Step& step : schedule.steps) {
        if (step.first < done) continue;
        done = step.end;
        for (int i = step.first; i < step.end; ++i) {
            const Node& node = schedule.program->nodes[i];
            if (node.leader != i) continue;
            each_choice(node, [&](int choice) {
                const OpKernel& kernel = kernel_of(*schedule.program, node, choice);
                if (!kernel.scratch_floats) return;
                most = std::max(most, kernel.scratch_floats(jobs_of(schedule, step, i, nullptr, {choice, nullptr}).front()));
            });
        }
    }
    return (most + kGuardFloats - 1) / kGuardFloats * kGuardFloats;
}

// Windows from generous to tight: with the tightest every band moves all of what it keeps.
constexpr double kSlacks[] = {4.0, 2.0, 1.0, 0.5, 0.25, 0.0};

void measure_rows(Schedule& schedule, const Bands& bands) {
    int entering = 0, leaving = 0, restored = 0;
    for (const BandStep& step : bands.steps) {
        entering = std::max(entering, step.entered.end - step.entered.first);
        leaving = std::max(leaving, step.restored - restored);
        restored = step.restored;
    }
    const auto floats = [](const Shape& s, int columns) { return size_t(s.channels) * s.height * columns; };
    schedule.band = entering;
    schedule.entering_floats = floats(schedule.input(), entering), schedule.leaving_floats = floats(schedule.output(), leaving);
}

// Of bands that memory asks for: narrower ones are much slower, and hardly smaller.
constexpr int kLeastColumns = 4;

// The next narrower band: of one region of a convolution less, then of half a region.
int narrower(int columns, int region) {
    return columns > region ? (columns - 1) / region * region : std::max(kLeastColumns, columns / 2);
}

// Places the values of bands of `columns` columns, or of narrower ones, such that they take no more than the memory allowed; as
// little as possible where that cannot be.
Bands place_within(Schedule& schedule, int columns, const Manner& manner) {
    const uint64_t most = manner.memory ? manner.memory / sizeof(float) : std::numeric_limits<uint64_t>::max();
    const int region = schedule.program->target.kernels->tuning.taps.columns;
    for (;; columns = narrower(columns, region)) {
        Bands bands = make_bands(*schedule.program, schedule.shapes, columns, column_units(schedule.regions));
        measure_rows(schedule, bands);
        for (double slack : kSlacks) {
            schedule.placement = place_values(*schedule.program, schedule.shapes, bands, slack);
            if (schedule.placement.floats + schedule.entering_floats + schedule.leaving_floats <= most) return bands;
        }
        if (columns <= kLeastColumns || columns < bands.columns || manner.band > 0) return bands;
    }
}

}  // namespace

Schedule make_schedule(std::shared_ptr<const Program> program, const Manner& manner) {
    Schedule schedule{std::move(program), {}, {}, {}, {}, {}, {}, {}, 0, 0, 0, 0};
    schedule.shapes = infer_shapes(*schedule.program, manner.height, manner.width);
    schedule.regions = find_regions(*schedule.program, schedule.shapes, manner.region);
    const int columns = manner.band > 0 ? manner.band : band_width(*schedule.program, schedule.shapes, manner.threads);
    const Bands bands = place_within(schedule, columns, manner);
    Writer(schedule, bands).all();
    schedule.scratch_floats = most_scratch(schedule);
    return schedule;
}

}  // namespace slsc
