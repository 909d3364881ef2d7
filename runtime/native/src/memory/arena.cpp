#include "memory/arena.hpp"

#include <algorithm>
#include <limits>

#include "memory/in_place.hpp"

namespace slsc {
namespace {

// Sums of as many sizes as a plan may have values stay far from overflow.
constexpr size_t kMostFloats = size_t(1) << 42;

// Most that is kept of a value elsewhere, in bands and in columns of the image: copying more to and fro with every band takes longer
// than fetching it from memory.
constexpr int kMostBands = 3, kMostColumns = 72;

struct Block {
    size_t floats;
    int first, last;  // nodes between which it is needed
    size_t* offset;
};

// With a guard behind, too.
size_t floats_of(const Shape& s, int columns, int lanes) {
    const size_t floats = size_t(s.channels) * s.rows * size_t(plane_floats(columns, lanes)) + kGuardFloats;
    return std::min(kMostFloats, (floats + kGuardFloats - 1) / kGuardFloats * kGuardFloats);
}

// Finds how many columns each place has to hold within a band, and to keep between bands.
void measure(const Bands& bands, Placement& placement) {
    struct Extent {
        Columns held, kept;
    };
    constexpr Columns kNone{std::numeric_limits<int>::max(), 0};
    std::vector<Extent> extents(placement.places.size());
    for (const BandStep& step : bands.steps) {
        const std::vector<int>& values = bands.segments[step.segment].values;
        for (int value : values) extents[placement.place_of[value]] = {kNone, kNone};
        for (size_t i = 0; i < values.size(); ++i) {
            Extent& extent = extents[placement.place_of[values[i]]];
            extent.held = either(extent.held, step.values[i].held);
            extent.kept = either(extent.kept, step.values[i].kept);
        }
        for (int value : values) {
            const Extent& extent = extents[placement.place_of[value]];
            Place& place = placement.places[placement.place_of[value]];
            place.pitch = std::max(place.pitch, extent.held.end - extent.held.first);
            place.kept_pitch = std::max(place.kept_pitch, extent.kept.end - extent.kept.first);
        }
    }
}

void touched_by(const Program& program, Placement& placement) {
    for (Place& place : placement.places) place.first = int(program.nodes.size());
    for (int i = 0; i < int(program.nodes.size()); ++i) {
        each_touched(program.nodes[i], [&](int value) {
            Place& place = placement.places[placement.place_of[value]];
            place.first = std::min(place.first, i);
            place.last = std::max(place.last, i);
        });
    }
}

// Puts each block into the first gap that is free during its whole life, large ones first. Returns the floats of all.
size_t assign(std::vector<Block>& blocks) {
    std::stable_sort(blocks.begin(), blocks.end(), [](const Block& a, const Block& b) { return a.floats > b.floats; });
    std::vector<const Block*> placed;  // by offset
    size_t end = kGuardFloats;
    for (const Block& block : blocks) {
        size_t offset = kGuardFloats;
        for (const Block* other : placed) {
            const bool together = block.first <= other->last && other->first <= block.last;
            if (!together) continue;
            if (offset + block.floats <= *other->offset) break;
            offset = std::max(offset, *other->offset + other->floats);
        }
        *block.offset = offset;
        end = std::max(end, offset + block.floats);
        const auto before = [](const Block* a, const Block* b) { return *a->offset < *b->offset; };
        placed.insert(std::upper_bound(placed.begin(), placed.end(), &block, before), &block);
    }
    return end + kGuardFloats;
}

}  // namespace

int64_t plane_floats(int pitch, int lanes) { return int64_t((pitch + 1) | 1) * lanes; }

Placement place_values(const Program& program, const std::vector<Shape>& shapes, const Bands& bands, double slack) {
    const int nodes = int(program.nodes.size()), lanes = program.lanes();
    const Header& header = program.plan->header;
    Placement placement;
    placement.place_of = shared_places(program, bands);
    placement.places.resize(shapes.size());
    touched_by(program, placement);
    if (!bands.single) measure(bands, placement);
    const int most_kept = int(std::min<int64_t>(kMostColumns, int64_t(kMostBands) * bands.columns));
    std::vector<Block> blocks;
    for (int v = 0; v < int(shapes.size()); ++v) {
        Place& place = placement.places[v];
        if (placement.place_of[v] != v) {
            placement.places[placement.place_of[v]].shared = true;
            continue;
        }
        const bool image = placement.place_of[header.input] == v, restored = placement.place_of[header.output] == v;
        int first = place.first, last = place.last;
        const bool touched = first <= last;
        if (touched) last = program.nodes[last].leader;
        const int begun_in = image || !touched ? 0 : bands.segment_of[first], read_in = touched ? bands.segment_of[last] : 0;
        const bool local = (touched || image) && begun_in == read_in;
        place.own = bands.single || !local || image || place.kept_pitch > columns_of(program, shapes, v, most_kept);
        if (bands.single || !local) place.pitch = shapes[v].width;
        else if (place.own) place.pitch = int(std::min<double>(shapes[v].width, place.pitch + slack * place.kept_pitch));
        if (touched && !bands.single) {
            const int begin = bands.segments[begun_in].first, end = bands.segments[read_in].end - 1;
            if (place.own) first = begin, last = end;
            else if (place.kept_pitch > 0)
                blocks.push_back({floats_of(shapes[v], place.kept_pitch, lanes), begin, end, &place.kept_offset});
        }
        if (image) first = -1;
        if (restored) last = nodes;
        blocks.push_back({floats_of(shapes[v], place.pitch, lanes), first, last, &place.offset});
    }
    placement.floats = assign(blocks);
    return placement;
}

}  // namespace slsc
