// The C interface: no exception leaves it.
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <thread>

#include "api/engine.hpp"
#include "api/status.hpp"
#include "support/error.hpp"

struct slsc_context {
    std::shared_ptr<slsc::Context> shared;
};

struct slsc_engine {
    slsc::Engine engine;
    std::string error;
};

namespace {

constexpr int kMaxThreads = 1024;
constexpr const char* kFeatures[] = {"bundle-3", "float32", "gates", "half-operands", "plan-2", "weight-sets"};

thread_local std::string open_error;

std::shared_ptr<slsc::Context> make_context(int threads) {
    slsc::require(threads >= 0 && threads <= kMaxThreads, SLSC_BAD_ARGUMENT,
                  "threads must be in 0.." + std::to_string(kMaxThreads));
    if (threads == 0) threads = int(std::thread::hardware_concurrency());
    try {
        return {new slsc::Context(threads < 1 ? 1 : threads), [](slsc::Context* context) {
                    if (!context->forked()) delete context;
                }};
    } catch (const std::system_error&) {
        throw slsc::Error(SLSC_NO_THREADS, "the system gives no " + std::to_string(threads) + " threads");
    }
}

const slsc::Kernels* kernels_for(const char* isa) {
    const slsc::Kernels* kernels = slsc::select_kernels(isa);
    slsc::require(kernels, SLSC_UNSUPPORTED, std::string("this processor or build has no ") + (isa ? isa : "kernels"));
    return kernels;
}

// Runs `body` for an engine.
template <typename Body>
slsc_status on(slsc_engine* engine, Body body) {
    return engine ? slsc::status_of(engine->error, body) : SLSC_BAD_ARGUMENT;
}

int computes_in(const slsc_engine* engine, slsc::DType dtype) {
    try {
        return engine && engine->engine.computes_in(dtype);
    } catch (const std::bad_alloc&) {
        return 0;
    }
}

}  // namespace

extern "C" {

const char* slsc_version(void) { return SLSC_VERSION; }

int slsc_has(const char* feature) {
    if (!feature) return 0;
    for (const char* known : kFeatures)
        if (std::strcmp(feature, known) == 0) return 1;
    if (std::strcmp(feature, slsc::kInt8) == 0) return slsc::select_kernels(nullptr)->fast_integers;
    if (std::strcmp(feature, slsc::kBf16) == 0) return slsc::select_kernels(nullptr)->fast_halves;
    return slsc::select_kernels(feature) != nullptr;
}

slsc_status slsc_context_create(int threads, slsc_context** context) {
    if (!context) return SLSC_BAD_ARGUMENT;
    *context = nullptr;
    return slsc::status_of(open_error, [&] { *context = new slsc_context{make_context(threads)}; });
}

void slsc_context_free(slsc_context* context) { delete context; }

slsc_status slsc_open(slsc_context* context, const void* plan, size_t bytes, const char* isa, slsc_engine** engine) {
    if (!engine) return SLSC_BAD_ARGUMENT;
    *engine = nullptr;
    return slsc::status_of(open_error, [&] {
        slsc::require(plan, SLSC_BAD_ARGUMENT, "plan is null");
        auto loaded = slsc::load_plan(plan, bytes);
        const slsc::Kernels* kernels = kernels_for(isa);
        *engine = new slsc_engine{slsc::Engine(context ? context->shared : make_context(0), std::move(loaded), kernels), {}};
    });
}

slsc_status slsc_set_capacity(slsc_engine* engine, int capacity) {
    return on(engine, [&] { engine->engine.set_capacity(capacity); });
}

int slsc_candidates(const slsc_engine* engine) { return engine ? engine->engine.candidates() : 0; }

slsc_status slsc_set_candidate(slsc_engine* engine, int candidate) {
    return on(engine, [&] { engine->engine.set_candidate(candidate); });
}

uint64_t slsc_candidate_macs(slsc_engine* engine, int candidate) {
    uint64_t macs = 0;
    on(engine, [&] { macs = engine->engine.candidate_macs(candidate); });
    return macs;
}

uint64_t slsc_everywhere_macs(slsc_engine* engine) {
    uint64_t macs = 0;
    on(engine, [&] { macs = engine->engine.everywhere_macs(); });
    return macs;
}

slsc_status slsc_set_region(slsc_engine* engine, int height, int width) {
    return on(engine, [&] { engine->engine.set_region(height, width); });
}

slsc_status slsc_regions(slsc_engine* engine, int height, int width, int* rows, int* columns) {
    if (!rows || !columns) return SLSC_BAD_ARGUMENT;
    return on(engine, [&] {
        slsc::require(height >= 1 && width >= 1, SLSC_BAD_ARGUMENT, "height and width must be 1 or more");
        *rows = int(engine->engine.region_rows(height)), *columns = int(engine->engine.region_columns(width));
    });
}

slsc_status slsc_set_precision(slsc_engine* engine, slsc_precision precision) {
    return on(engine, [&] { engine->engine.set_precision(precision); });
}

int slsc_integers(const slsc_engine* engine) { return computes_in(engine, slsc::DType::U8); }

int slsc_halves(const slsc_engine* engine) { return computes_in(engine, slsc::DType::BF16); }

slsc_status slsc_set_band(slsc_engine* engine, int rows) {
    return on(engine, [&] { engine->engine.set_band(rows); });
}

slsc_status slsc_set_memory(slsc_engine* engine, uint64_t bytes) {
    return on(engine, [&] { engine->engine.set_memory(bytes); });
}

slsc_status slsc_shape(slsc_engine* engine, int height, int width, int* in_channels, int* out_channels, int* out_height,
                       int* out_width) {
    if (!in_channels || !out_channels || !out_height || !out_width) return SLSC_BAD_ARGUMENT;
    return on(engine, [&] {
        const slsc::Schedule& schedule = engine->engine.prepare(height, width);
        const slsc::Shape& out = schedule.output();
        *in_channels = schedule.input().channels;
        *out_channels = out.channels, *out_height = out.width, *out_width = out.height;  // it lies on its side
    });
}

slsc_status slsc_run(slsc_engine* engine, const float* input, int height, int width, float* output) {
    if (!input || !output) return SLSC_BAD_ARGUMENT;
    return on(engine, [&] { engine->engine.run(input, height, width, output); });
}

slsc_status slsc_run_map(slsc_engine* engine, const float* input, int height, int width, const uint8_t* map, int map_rows,
                         int map_columns, float* output) {
    if (!input || !map || !output) return SLSC_BAD_ARGUMENT;
    return on(engine, [&] { engine->engine.run(input, height, width, {map, map_rows, map_columns}, output); });
}

slsc_status slsc_run_rows(slsc_engine* engine, int height, int width, slsc_read_rows read, slsc_write_rows write, void* user) {
    if (!read || !write) return SLSC_BAD_ARGUMENT;
    return on(engine, [&] {
        engine->engine.run_rows(
            height, width, [&](int first, int rows, float* to) { return read(user, first, rows, to) == 0; },
            [&](int first, int rows, const float* from) { return write(user, first, rows, from) == 0; });
    });
}

slsc_status slsc_run_rows_map(slsc_engine* engine, int height, int width, const uint8_t* map, int map_rows, int map_columns,
                              slsc_read_rows read, slsc_write_rows write, void* user) {
    if (!map || !read || !write) return SLSC_BAD_ARGUMENT;
    return on(engine, [&] {
        engine->engine.run_rows(
            height, width, {map, map_rows, map_columns},
            [&](int first, int rows, float* to) { return read(user, first, rows, to) == 0; },
            [&](int first, int rows, const float* from) { return write(user, first, rows, from) == 0; });
    });
}

int slsc_op_count(const slsc_engine* engine) { return engine ? int(engine->engine.seconds().size()) : 0; }

slsc_status slsc_op_seconds(const slsc_engine* engine, double* seconds) {
    if (!engine || !seconds) return SLSC_BAD_ARGUMENT;
    for (double each : engine->engine.seconds()) *seconds++ = each;
    return SLSC_OK;
}

uint64_t slsc_op_macs(const slsc_engine* engine, int index) {
    if (!engine || index < 0 || index >= slsc_op_count(engine)) return 0;
    return engine->engine.macs(index);
}

uint64_t slsc_arena_bytes(const slsc_engine* engine) { return engine ? engine->engine.arena_bytes() : 0; }

uint64_t slsc_rows_bytes(const slsc_engine* engine) { return engine ? engine->engine.rows_bytes() : 0; }

int slsc_band(const slsc_engine* engine) { return engine ? engine->engine.band() : 0; }

const char* slsc_isa(const slsc_engine* engine) { return engine ? engine->engine.kernels().isa : ""; }

const char* slsc_last_error(const slsc_engine* engine) { return engine ? engine->error.c_str() : open_error.c_str(); }

void slsc_close(slsc_engine* engine) { delete engine; }

}  // extern "C"
