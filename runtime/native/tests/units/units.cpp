// Tests of the schedule, the arena and values in place, by themselves.
//
//   units [NAME]     all, or one of those that `kTests` names
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

#include "check.hpp"
#include "memory/in_place.hpp"
#include "memory_model.hpp"
#include "networks.hpp"
#include "schedule/band_width.hpp"
#include "schedule/shapes.hpp"
#include "support/error.hpp"

using networks::Network;
using networks::Sketch;
using slsc::Schedule;

namespace {

constexpr int kHeight = 24, kWidth = 52;
constexpr int kBands[] = {0, 1, 4, 5, 12, 48, 51, 52, 1000};

constexpr uint64_t kMemories[] = {0, 1};  // as much as is fastest; too little

// Calls test(network, schedule) for every network, width of bands, and with generous and tight windows.
template <typename Test>
void each_schedule(Test test) {
    for (const Network& network : networks::all())
        for (int band : kBands)
            for (uint64_t memory : kMemories)
                test(network, slsc::make_schedule(network.program, {kHeight, kWidth, 1, band, memory}));
}

void each_column_is_made_once_and_in_order() {
    each_schedule([](const Network& network, const Schedule& schedule) {
        std::vector<int> done(schedule.program->nodes.size(), 0);
        for (const slsc::Step& step : schedule.steps)
            for (int i = step.first; i < step.end; ++i) {
                const slsc::Columns made = schedule.node_steps[step.at + i - step.first].made;
                CHECK_SAID(made.first == done[i] && made.end >= made.first, network.name);
                done[i] = made.end;
            }
        for (size_t i = 0; i < done.size(); ++i)
            CHECK_SAID(done[i] == schedule.shapes[schedule.program->nodes[i].op.out].width, network.name);
    });
}

void restored_columns_only_grow() {
    each_schedule([](const Network& network, const Schedule& schedule) {
        int before = 0;
        for (const slsc::Step& step : schedule.steps) {
            CHECK_SAID(step.restored >= before, network.name);
            before = step.restored;
        }
        CHECK_SAID(before == schedule.output().width, network.name);
    });
}

void what_is_read_is_where_it_is_read() {
    each_schedule([](const Network&, const Schedule& schedule) { MemoryModel(schedule).run(); });
}

void a_schedule_is_a_value() {
    each_schedule([](const Network& network, const Schedule& schedule) {
        const Schedule again = schedule;
        MemoryModel(again).run();
        MemoryModel(schedule).run();
        CHECK_SAID(again.placement.floats == schedule.placement.floats, network.name);
    });
}

void bands_take_less_memory() {
    for (const Network& network : networks::all()) {
        if (network.name == "attention" || network.name.rfind("random", 0) == 0)
            continue;  // means, and long skips, keep whole widths
        const auto floats = [&](int band) {
            return slsc::make_schedule(network.program, {kHeight, 400, 1, band, 0}).placement.floats;
        };
        CHECK_SAID(floats(12) < floats(400), network.name);
    }
}

void what_only_lends_its_size_is_not_kept() {
    Sketch s(4);
    const int full = s.conv(0, 4, 3);
    const auto program = s.program(s.resize_like(s.pool(full, 2, 2), full));
    const slsc::Bands bands = slsc::make_bands(*program, slsc::infer_shapes(*program, kHeight, kWidth), 8);
    const slsc::Columns kept = bands.steps[3].values[size_t(slsc::value_index(bands.segments[0], full))].kept;
    CHECK(kept.end - kept.first < 8);
}

void a_mean_over_the_image_begins_a_segment() {
    Sketch s(4);
    const int x = s.conv(0, 4, 3);
    const auto program = s.program(s.times_pixel(x, s.global_mean(x)));
    const auto shapes = slsc::infer_shapes(*program, kHeight, kWidth);
    const slsc::Bands bands = slsc::make_bands(*program, shapes, 8);
    CHECK(bands.segments.size() == 2);
    CHECK(bands.segments[0].first == 0 && bands.segments[0].end == 1);
    CHECK(bands.segments[1].first == 1 && bands.segments[1].end == 3);
}

void operations_stay_behind_by_what_they_read() {
    Sketch s(4);
    const auto program = s.program(s.conv(s.conv(0, 4, 3), 4, 5));
    const Schedule schedule = slsc::make_schedule(program, {kHeight, kWidth, 1, 10, 0});
    CHECK(schedule.steps[0].entered.end == 10);
    CHECK(schedule.node_steps[0].made.end == 10 - 1);      // its kernel reads one column to the right
    CHECK(schedule.node_steps[1].made.end == 10 - 1 - 2);  // its kernel two
}

void too_many_steps_are_wider() {
    Sketch s(1);
    int x = 0;
    for (int i = 0; i < 200; ++i) x = s.conv(x, 1, 1);
    const auto program = s.program(x);
    const auto shapes = slsc::infer_shapes(*program, 4, 1 << 15);
    CHECK(slsc::make_bands(*program, shapes, 1).columns == 4);  // 8192 steps of 100 folded pairs
    CHECK(slsc::make_bands(*program, shapes, 1 << 10).columns == 1 << 10);
}

void sizes_are_refused_by_reason() {
    Sketch s(4);
    const auto program = s.program(s.conv(0, 4, 3));
    for (const auto& [height, width] : {std::pair{0, 8}, {8, 0}, {-1, 8}, {1 << 17, 8}}) {
        bool refused = false;
        try {
            slsc::make_schedule(program, {height, width, 1, 0, 0});
        } catch (const slsc::Error& error) {
            refused = error.status() == SLSC_BAD_SIZE && std::string(error.what()).find("image sides") != std::string::npos;
        }
        CHECK(refused);
    }
}

// By what shared_places says of a network at a width of bands.
bool shares(const std::shared_ptr<const slsc::Program>& program, int band, int a, int b) {
    const auto shapes = slsc::infer_shapes(*program, kHeight, kWidth);
    const auto places = slsc::shared_places(*program, slsc::make_bands(*program, shapes, band));
    return places[a] == places[b];
}

void pointwise_results_lie_in_place() {
    Sketch s(4);
    const int x = s.conv(0, 4, 3), y = s.relu(x);
    const auto program = s.program(s.conv(y, 4, 3));
    CHECK(shares(program, kWidth, x, y));
    CHECK(shares(program, 8, x, y));
}

void sums_lie_in_the_place_of_what_is_added() {
    Sketch s(4);
    const int x = s.conv(0, 4, 3), y = s.conv(x, 4, 3), sum = s.add_to(y, 3, x);
    CHECK(shares(s.program(sum), kWidth, x, sum));
    CHECK(!shares(s.program(sum), kWidth, y, sum));  // its neighbours are read
}

void what_is_read_later_is_not_replaced() {
    Sketch s(4);
    const int x = s.conv(0, 4, 3), y = s.relu(x);
    const auto program = s.program(s.add_to(y, 3, x));
    CHECK(!shares(program, kWidth, x, y));
}

void the_image_is_not_replaced() {
    Sketch s(4);
    const int y = s.relu(0);
    CHECK(shares(s.program(s.conv(y, 4, 3)), kWidth, 0, y));  // read once: its place is free then
    Sketch t(4);
    const int z = t.relu(0);
    CHECK(!shares(t.program(t.add_to(z, 3, 0)), kWidth, 0, z));
}

void what_the_next_band_reads_is_not_replaced() {
    Sketch s(4);
    const int x = s.conv(0, 8, 3), sum = s.add_to(s.conv(x, 8, 5), 1, x);
    const auto program = s.program(s.conv(sum, 8, 3));
    CHECK(shares(program, kWidth, x, sum));
    CHECK(!shares(program, 8, x, sum));
}

void a_result_of_other_size_lies_apart() {
    Sketch s(4);
    const int x = s.conv(0, 4, 3), half = s.pool(x, 2, 2);
    CHECK(!shares(s.program(half), kWidth, x, half));
}

void places_that_live_together_lie_apart() {
    each_schedule([](const Network& network, const Schedule& schedule) {
        struct Block {
            size_t begin, end;
            int first, last;
        };
        std::vector<Block> blocks;
        const auto& placement = schedule.placement;
        for (size_t v = 0; v < placement.places.size(); ++v) {
            const slsc::Place& place = placement.places[v];
            if (placement.place_of[v] != int(v) || place.first > place.last) continue;
            const slsc::Shape& shape = schedule.shapes[v];
            const size_t floats =
                size_t(shape.channels) * shape.rows * size_t(slsc::plane_floats(place.pitch, schedule.program->lanes()));
            blocks.push_back({place.offset, place.offset + floats, place.first, place.last});
            CHECK_SAID(place.offset >= slsc::kGuardFloats && place.offset + floats + slsc::kGuardFloats <= placement.floats,
                       network.name);
            CHECK_SAID(place.offset % slsc::kGuardFloats == 0, network.name);
        }
        for (const Block& a : blocks)
            for (const Block& b : blocks) {
                const bool together = &a != &b && a.first <= b.last && b.first <= a.last;
                CHECK_SAID(!together || a.end + slsc::kGuardFloats <= b.begin || b.end + slsc::kGuardFloats <= a.begin,
                           network.name);
            }
    });
}

void bands_share_their_places_with_others() {
    Sketch s(4);
    int x = 0;
    for (int i = 0; i < 12; ++i) x = s.conv(x, 4, 3);
    const Schedule schedule = slsc::make_schedule(s.program(x), {kHeight, kWidth, 1, kWidth, 0});
    const slsc::Shape& shape = schedule.shapes[x];
    const size_t one = size_t(shape.channels) * shape.rows * size_t(slsc::plane_floats(shape.width, schedule.program->lanes()));
    CHECK(schedule.placement.floats < 4 * one);  // two live at a time
}

struct Test {
    const char* name;
    void (*run)();
};

#define TEST(name) {#name, name}
constexpr Test kTests[] = {
    TEST(each_column_is_made_once_and_in_order),
    TEST(restored_columns_only_grow),
    TEST(what_is_read_is_where_it_is_read),
    TEST(a_schedule_is_a_value),
    TEST(bands_take_less_memory),
    TEST(what_only_lends_its_size_is_not_kept),
    TEST(a_mean_over_the_image_begins_a_segment),
    TEST(operations_stay_behind_by_what_they_read),
    TEST(too_many_steps_are_wider),
    TEST(sizes_are_refused_by_reason),
    TEST(pointwise_results_lie_in_place),
    TEST(sums_lie_in_the_place_of_what_is_added),
    TEST(what_is_read_later_is_not_replaced),
    TEST(the_image_is_not_replaced),
    TEST(what_the_next_band_reads_is_not_replaced),
    TEST(a_result_of_other_size_lies_apart),
    TEST(places_that_live_together_lie_apart),
    TEST(bands_share_their_places_with_others),
};

}  // namespace

int main(int count, char** words) {
    int run = 0;
    for (const Test& test : kTests) {
        if (count > 1 && std::strcmp(words[1], test.name) != 0) continue;
        std::fprintf(stderr, "%s\n", test.name);
        test.run();
        ++run;
    }
    std::printf("%d passed\n", run);
    return run ? 0 : 2;
}
