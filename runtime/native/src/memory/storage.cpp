#include "memory/storage.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace slsc {
namespace {

constexpr size_t kAlignment = 64, kHugePage = size_t(2) << 20;
constexpr size_t kMaxFloats = size_t(1) << 40;

// Channels lie far apart: with small pages every run of pixels of each channel would miss in the address cache.
float* aligned_memory(size_t bytes) {
    const size_t alignment = bytes < kHugePage ? kAlignment : kHugePage;
    bytes = (bytes + alignment - 1) / alignment * alignment;
    void* memory = std::aligned_alloc(alignment, bytes);
#if defined(__linux__)
    if (memory && alignment == kHugePage) madvise(memory, bytes, MADV_HUGEPAGE);  // as fast as without where refused
#endif
    return static_cast<float*>(memory);
}

}  // namespace

// Zeroed, because lanes past the image's end are computed on too and should meet no NaN.
bool Memory::grow(size_t floats) {
    if (floats <= held_) return true;
    floats_.reset();
    held_ = 0;
    if (floats > kMaxFloats) return false;
    float* memory = aligned_memory(floats * sizeof(float));
    if (!memory) return false;
    std::memset(memory, 0, floats * sizeof(float));
    floats_.reset(memory);
    held_ = floats;
    return true;
}

void Storage::place(const Plan& plan, const std::vector<Shape>& shapes, int lanes, Bands& bands) {
    plan_ = &plan, shapes_ = &shapes, lanes_ = lanes;
    placement_ = place_values(plan, shapes, lanes, bands);
    band_.assign(placement_.places.size(), Band{});
}

void Storage::begin(const Bands& bands, const Bands::Segment& segment) {
    const auto each = [&](auto apply) {
        for (int i = segment.first; i < segment.end; ++i)
            for (int value : {plan_->ops[i].in[0], plan_->ops[i].in[1], plan_->ops[i].out})
                if (value >= 0) apply(i, value, band_[placement_.place_of[value]]);
    };
    const Columns none{std::numeric_limits<int>::max(), 0};
    each([&](int, int, Band& band) { band.held = band.kept = none, band.active = false; });
    each([&](int i, int value, Band& band) {
        band.held = either(band.held, bands.held(value));
        band.kept = either(band.kept, bands.kept(value));
        const Columns made = bands.made(i);
        band.active |= made.first < made.end;
    });
}

View Storage::view(int value, int channel, int channels) const {
    const Shape& s = (*shapes_)[value];
    const int index = placement_.place_of[value];
    const Place& place = placement_.places[index];
    const int64_t plane = plane_floats(place.pitch, lanes_);
    const int first = place.whole ? 0 : band_[index].held.first;
    float* data = memory_.get() + place.offset + channel * plane;
    return {data, channels, s.height, s.width, s.rows, s.pixel, plane, s.channels * plane, first, place.pitch};
}

// Calls visit(value, place) once for each place that operation `op` touches and that lives for a band.
template <typename Visit>
void Storage::visit(int op, Visit visit) const {
    const Op& each = plan_->ops[op];
    int seen[2] = {-1, -1}, count = 0;
    for (int value : {each.in[0], each.in[1], each.out}) {
        if (value < 0) continue;
        const int place = placement_.place_of[value];
        if (place == seen[0] || place == seen[1] || placement_.places[place].whole || !band_[place].active) continue;
        if (count < 2) seen[count++] = place;
        visit(value, place);
    }
}

void Storage::fetch(int op, Pool& pool) {
    visit(op, [&](int value, int place) {
        if (placement_.places[place].first_op != op) return;
        for (const Bands::Part& part : band_[place].stored) copy(value, part, false, pool);
    });
}

void Storage::keep(int op, const Bands& bands, Pool& pool) {
    visit(op, [&](int value, int place) {
        if (placement_.places[place].last_op != op) return;
        Band& band = band_[place];
        band.stored = bands.parts(value);
        if (band.stored.empty() || placement_.places[place].shared) band.stored = {{0, (*shapes_)[value].channels, band.kept}};
        for (const Bands::Part& part : band.stored) copy(value, part, true, pool);
    });
}

// Copies a part's columns between a value's place and what is kept of it.
void Storage::copy(int value, const Bands::Part& part, bool keep, Pool& pool) {
    const Columns columns = part.kept;
    if (columns.first >= columns.end) return;
    const Shape& shape = (*shapes_)[value];
    const int index = placement_.place_of[value];
    const Place& place = placement_.places[index];
    float* live = memory_.get() + place.offset + int64_t(columns.first - band_[index].held.first) * lanes_;
    float* kept = memory_.get() + place.kept_offset;
    const size_t bytes = sizeof(float) * size_t(columns.end - columns.first) * lanes_;
    const int64_t plane = plane_floats(place.pitch, lanes_), kept_plane = plane_floats(place.kept_pitch, lanes_);
    pool.run(shape.rows, [&](int row, int) {
        for (int64_t channel = part.channel; channel < part.channel + part.channels; ++channel) {
            float* from = live + (int64_t(row) * shape.channels + channel) * plane;
            float* to = kept + (int64_t(row) * shape.channels + channel) * kept_plane;
            if (!keep) std::swap(from, to);
            std::memcpy(to, from, bytes);
        }
    });
}

}  // namespace slsc
