#include "api/run.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <utility>

#include "schedule/job.hpp"
#include "schedule/needed.hpp"
#include "support/error.hpp"

namespace slsc {
namespace {

// Columns, before the shuffle, that one thread makes with all candidates where vectors hold pixels of several.
constexpr int kColumnsByRegion = 24;

// Columns of a block that lie in one region.
struct BlockRun {
    int block;
    Columns columns;
    size_t region;
    Need need;
};

// Zeroes columns of a block of what a convolution and those that run with it make.
void clear(const Job& first, int lanes, int block, Columns columns) {
    const int shuffle = first.op->conv.shuffle;
    const size_t bytes = sizeof(float) * size_t(columns.end - columns.first) * shuffle * lanes;
    for (const Job* job = &first; job; job = job->sibling) {
        const View& out = job->out;
        float* at = out.data + int64_t(columns.first * shuffle - out.first) * lanes;
        for (int64_t row = int64_t(block) * out.block; row < int64_t(block + 1) * out.block; ++row)
            for (int64_t channel = 0; channel < out.channels; ++channel)
                std::memset(at + row * out.row + channel * out.plane, 0, bytes);
    }
}

class Run {
public:
    Run(const Schedule& schedule, Context& context, const uint8_t* map)
        : schedule_(schedule), kernels_(*schedule.program->target.kernels), threads_(context.threads()),
          arena_(context.arena().get()), scratch_(context.scratch().get()), map_(map), needed_(schedule.regions, map) {
        const Plan& plan = *schedule.program->plan;
        const Regions& regions = schedule.regions;
        for (const RegionGrid& grid : regions.grids)
            chosen_.push_back(slsc::chosen_lanes(regions, grid, map, plan.candidates(), kernels_.lanes));
        if (!needed_.everything()) spans_ = row_spans();
        for (int i = 0; map && i < regions.rows * regions.columns; ++i)
            if (map[i] != kLeftOut) dearest_ = std::max(dearest_, int(map[i]));
    }

    // Windows slide, and the step's rows of the image enter.
    void begin(const Step& step, const RowsAt& rows) {
        while (slid_ < step.slide) slide(schedule_.slides[slid_++]);
        const int from = step.entered.first, to = step.entered.end;
        if (from >= to) return;
        const int image = int(schedule_.program->plan->header.input);
        const View in = view_of(schedule_, arena_, image, 0, schedule_.input().channels, step.image_first);
        const Planes planes = rows(from, to);
        threads_.run(kernels_.strip_items(in), [&](int item, int) { kernels_.to_strips(planes, in, from, to, item); });
    }

    // Rows of the output that are complete leave.
    void end(const Step& step, const ImageRows& rows) {
        const int from = std::exchange(written_, std::max(written_, step.restored)), to = step.restored;
        if (from >= to) return;
        const int restored = int(schedule_.program->plan->header.output);
        const View out = view_of(schedule_, arena_, restored, 0, schedule_.output().channels, step.output_first);
        const Planes planes = rows.write(from, to);
        threads_.run(kernels_.strip_items(out), [&](int item, int) { kernels_.from_strips(out, planes, from, to, item); });
        if (!needed_.everything()) clear_left_out(planes, from, to);
        rows.done(from, to);
    }

    // All nodes of a step.
    void step(const Step& step, std::vector<double>& seconds) {
        for (int i = step.first; i < step.end; ++i) {
            const Node& node = schedule_.program->nodes[i];
            const NodeStep& at = schedule_.node_steps[step.at + i - step.first];
            const auto begun = std::chrono::steady_clock::now();
            copy(at.fetch, false);
            if (at.made.first < at.made.end && node.leader == i) run(step, i);
            copy(at.keep, true);
            seconds[node.source] += std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
        }
    }

private:
    void run(const Step& step, int index) {
        const Node& node = schedule_.program->nodes[index];
        if (!schedule_.regions.grids.empty() && schedule_.regions.grid_of[index] >= 0) return run_by_region(step, index);
        const int choice = node.choices.empty() ? kNoChoice : dearest_;  // one pixel stands for all regions
        const OpKernel& kernel = kernel_of(*schedule_.program, node, choice);
        const std::vector<Job> jobs = jobs_of(schedule_, step, index, arena_, {choice, nullptr});
        threads_.run(kernel.items(jobs.front()), [&](int item, int worker) { kernel.run(jobs.front(), item, scratch_of(worker)); });
    }

    // What is not wanted was computed from anything: nobody is to see it.
    void clear_left_out(const Planes& planes, int from, int to) {
        const Regions& regions = schedule_.regions;
        const Shape& out = schedule_.output();
        threads_.run(to - from, [&](int item, int) {
            const int x = from + item;
            float* column = planes.data + int64_t(x - planes.first) * out.height;
            for (size_t i = 0; i + 1 < spans_.size(); ++i) {
                const int y = spans_[i], rows = spans_[i + 1] - y;
                if (needed_.wanted(regions.output_rows[y], regions.output_columns[x])) continue;
                for (int channel = 0; channel < out.channels; ++channel)
                    std::fill_n(column + channel * planes.plane + y, rows, 0.0f);
            }
        });
    }

    // Where rows of the output begin that see other regions within kRim than the one before.
    std::vector<int> row_spans() const {
        const std::vector<int>& rows = schedule_.regions.output_rows;
        const int side = schedule_.regions.size.rows;
        std::vector<int> spans{0};
        for (int y = 1; y < int(rows.size()); ++y)
            if (std::max(0, rows[y] - kRim) / side != std::max(0, rows[y - 1] - kRim) / side ||
                (rows[y] + kRim) / side != (rows[y - 1] + kRim) / side)
                spans.push_back(y);
        spans.push_back(int(rows.size()));
        return spans;
    }

    float* scratch_of(int worker) const { return scratch_ + worker * schedule_.scratch_floats; }

    // Every item is a block's share of columns that lie in one region. What nobody needs stays as it is.
    void run_blocks(const Step& step, int index, const RegionGrid& grid) {
        const Node& node = schedule_.program->nodes[index];
        std::vector<std::vector<Job>> jobs;  // by choice
        each_choice(node, [&](int choice) { jobs.push_back(jobs_of(schedule_, step, index, arena_, {choice, nullptr})); });
        const Job& any = jobs.front().front();
        const int rows = any.out.block / node.op.conv.shuffle;
        const std::vector<BlockRun> runs = runs_of(index, grid, any);
        threads_.run(int(runs.size()), [&](int item, int worker) {
            const auto [block, columns, region, need] = runs[item];
            const uint8_t candidate = map_[region] == kLeftOut ? 0 : map_[region];
            const int choice = node.choices.empty() ? kNoChoice : candidate;
            const Job& job = jobs[std::max(0, choice)].front();
            if (need == Need::Zeros) return clear(job, kernels_.lanes, block, columns);
            const OpKernel& kernel = kernel_of(*schedule_.program, node, choice);
            const Area area = kernel.area(job);
            for (int x = columns.first; x < columns.end; x += area.columns)
                for (int y = 0; y < rows; y += area.rows)
                    kernel.run_region(job,
                                      {block * rows + y, std::min(area.rows, rows - y), x, std::min(area.columns, columns.end - x)},
                                      scratch_of(worker));
        });
    }

    // What is needed of what a job makes, block after block of the same columns: pixels in whole units, zeros for single columns.
    std::vector<BlockRun> runs_of(int node, const RegionGrid& grid, const Job& job) const {
        const int shuffle = job.op->conv.shuffle, blocks = job.out.rows / job.out.block, end = job.to / shuffle;
        const Regions& regions = schedule_.regions;
        std::vector<BlockRun> runs;
        for (int x = job.from / shuffle; x < end;) {
            const int first = x;
            while (x < end && grid.column_region[x] == grid.column_region[first]) ++x;
            for (int block = 0; block < blocks; ++block) {
                const int row = std::min(block, regions.rows - 1);  // padding may make more blocks than the image has
                const size_t region = size_t(grid.column_region[first]) * regions.rows + row;
                Need before = Need::Nothing;
                const auto add = [&](Columns columns, Need need) {
                    if (need != Need::Nothing && need == before) runs.back().columns.end = columns.end;
                    else if (need != Need::Nothing) runs.push_back({block, columns, region, need});
                    before = need;
                };
                const auto need_of = [&](Columns columns) {
                    return needed_.of(node, row, {grid.column_place[columns.first], grid.column_place[columns.end - 1] + 1});
                };
                for (int at = first; at < x;) {
                    const int next = std::min(x, (at / grid.unit + 1) * grid.unit);
                    const Need need = need_of({at, next});
                    if (need != Need::Zeros) add({at, next}, need);
                    for (int i = at; need == Need::Zeros && i < next; ++i) add({i, i + 1}, need_of({i, i + 1}));
                    at = next;
                }
            }
        }
        return runs;
    }

    // Every item makes columns of its own with all candidates, one after the other: what they write lies side by side in vectors.
    void run_by_region(const Step& step, int index) {
        const Node& node = schedule_.program->nodes[index];
        const int grid_index = schedule_.regions.grid_of[index];
        const RegionGrid& grid = schedule_.regions.grids[grid_index];
        if (grid.in_blocks()) return run_blocks(step, index, grid);
        const Columns made = schedule_.node_steps[step.at + index - step.first].made;
        const int unit = kColumnsByRegion * node.op.conv.shuffle, threads = threads_.threads();
        const int columns = ((made.end - made.first + threads - 1) / threads + unit - 1) / unit * unit;
        const int first = made.first / columns, items = (made.end - 1) / columns - first + 1;
        threads_.run(items, [&](int item, int worker) {
            each_choice(node, [&](int choice) {
                const ChosenPixels chosen{chosen_[grid_index].lanes[choice].data(), grid.column_region.data(), grid.strip_rows};
                const OpKernel& kernel = kernel_of(*schedule_.program, node, choice);
                std::vector<Job> jobs = jobs_of(schedule_, step, index, arena_, {choice, &chosen});
                for (Job& job : jobs) {
                    job.from = std::max(made.first, (first + item) * columns);
                    job.to = std::min(made.end, (first + item + 1) * columns);
                }
                for (int i = 0; i < kernel.items(jobs.front()); ++i) kernel.run(jobs.front(), i, scratch_of(worker));
            });
        });
    }

    void slide(const Slide& slide) {
        const Shape& shape = schedule_.shapes[slide.value];
        const Place& place = schedule_.placement.places[schedule_.placement.place_of[slide.value]];
        const int lanes = kernels_.lanes;
        const int64_t plane = plane_floats(place.pitch, lanes);
        float* data = arena_ + place.offset + int64_t(slide.columns.first) * lanes;
        const size_t bytes = sizeof(float) * size_t(slide.columns.end - slide.columns.first) * lanes;
        threads_.run(shape.rows, [&](int row, int) {
            for (int64_t channel = 0; channel < shape.channels; ++channel) {
                float* at = data + (int64_t(row) * shape.channels + channel) * plane;
                std::memmove(at - int64_t(slide.to) * lanes, at - int64_t(slide.from) * lanes, bytes);
            }
        });
    }

    // All copies up to `end` that are still to be done, to where columns are kept or back.
    void copy(int end, bool keep) {
        while (copied_ < end) copy(schedule_.copies[copied_++], keep);
    }

    void copy(const Copy& copy, bool keep) {
        const Shape& shape = schedule_.shapes[copy.value];
        const Place& place = schedule_.placement.places[schedule_.placement.place_of[copy.value]];
        const int lanes = kernels_.lanes;
        const Columns columns = copy.part.kept;
        float* live = arena_ + place.offset + int64_t(columns.first - copy.first) * lanes;
        float* kept = arena_ + place.kept_offset;
        const size_t bytes = sizeof(float) * size_t(columns.end - columns.first) * lanes;
        const int64_t plane = plane_floats(place.pitch, lanes), kept_plane = plane_floats(place.kept_pitch, lanes);
        threads_.run(shape.rows, [&](int row, int) {
            for (int64_t channel = copy.part.channel; channel < copy.part.channel + copy.part.channels; ++channel) {
                float* from = live + (int64_t(row) * shape.channels + channel) * plane;
                float* to = kept + (int64_t(row) * shape.channels + channel) * kept_plane;
                if (!keep) std::swap(from, to);
                std::memcpy(to, from, bytes);
            }
        });
    }

    const Schedule& schedule_;
    const Kernels& kernels_;
    ThreadPool& threads_;
    float* arena_;
    float* scratch_;
    const uint8_t* map_;  // by row and column of the upright image; null: one candidate everywhere
    Needed needed_;
    std::vector<int> spans_;  // see row_spans(); where something is left out
    std::vector<ChosenLanes> chosen_;  // by grid
    int dearest_ = 0;                  // candidate that the map names
    int copied_ = 0, slid_ = 0;
    int written_ = 0;  // rows of the output
};

}  // namespace

void run_schedule(const Schedule& schedule, Context& context, const uint8_t* map, const ImageRows& rows,
                  std::vector<double>& seconds) {
    const std::lock_guard<std::mutex> turn(context.turn());
    const size_t floats = schedule.placement.floats;
    require(context.arena().grow(floats), SLSC_NO_MEMORY, std::to_string(floats * sizeof(float)) + " bytes for the image's values");
    require(context.scratch().grow(schedule.scratch_floats * size_t(context.thread_count())), SLSC_NO_MEMORY,
            "no memory for the threads' scratch");
    Run run(schedule, context, map);
    for (const Step& step : schedule.steps) {
        run.begin(step, rows.read);
        run.step(step, seconds);
        run.end(step, rows);
    }
}

}  // namespace slsc
