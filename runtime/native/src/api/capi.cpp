// The C interface: no exception leaves it.
#include <new>
#include <string>
#include <thread>

#include "api/engine.hpp"

struct slsc_engine {
    slsc::Engine engine;
};

namespace {

thread_local std::string open_error;

slsc_status refuse(slsc_status status, std::string why) {
    open_error = std::move(why);
    return status;
}

slsc_status open(const void* plan, size_t bytes, int threads, const char* isa, slsc_engine** engine) {
    std::string why;
    auto loaded = slsc::load_plan(plan, bytes, why);
    if (!loaded) return refuse(SLSC_BAD_PLAN, why);
    const slsc::Kernels* kernels = slsc::select_kernels(isa);
    if (!kernels) return refuse(SLSC_UNSUPPORTED, std::string("this processor or build has no ") + (isa ? isa : "kernels"));
    if (threads == 0) threads = int(std::thread::hardware_concurrency());
    *engine = new slsc_engine{slsc::Engine(std::move(loaded), kernels, threads < 1 ? 1 : threads)};
    return SLSC_OK;
}

// Runs `body`, turning exceptions into a status.
template <typename Body>
slsc_status guarded(slsc_engine* engine, Body body) {
    try {
        return body();
    } catch (const std::bad_alloc&) {
        return engine->engine.fail(SLSC_NO_MEMORY, "out of memory");
    } catch (const std::exception& error) {
        return engine->engine.fail(SLSC_BAD_ARGUMENT, error.what());
    }
}

}  // namespace

extern "C" {

slsc_status slsc_open(const void* plan, size_t bytes, int threads, const char* isa, slsc_engine** engine) {
    if (!engine) return SLSC_BAD_ARGUMENT;
    *engine = nullptr;
    if (!plan || threads < 0 || threads > 1024) {
        open_error = "plan is null or threads is not in 0..1024";
        return SLSC_BAD_ARGUMENT;
    }
    try {
        return open(plan, bytes, threads, isa, engine);
    } catch (const std::bad_alloc&) {
        open_error = "out of memory";
        return SLSC_NO_MEMORY;
    } catch (const std::exception& error) {
        open_error = error.what();
        return SLSC_BAD_PLAN;
    }
}

slsc_status slsc_set_capacity(slsc_engine* engine, int capacity) {
    return engine ? guarded(engine, [&] { return engine->engine.set_capacity(capacity); }) : SLSC_BAD_ARGUMENT;
}

slsc_status slsc_set_band(slsc_engine* engine, int columns) {
    return engine ? guarded(engine, [&] { return engine->engine.set_band(columns); }) : SLSC_BAD_ARGUMENT;
}

slsc_status slsc_shape(slsc_engine* engine, int height, int width, int* in_channels, int* out_channels, int* out_height,
                       int* out_width) {
    if (!engine || !in_channels || !out_channels || !out_height || !out_width) return SLSC_BAD_ARGUMENT;
    return guarded(engine, [&] {
        const slsc_status status = engine->engine.prepare(height, width);
        if (status != SLSC_OK) return status;
        const slsc::Shape& out = engine->engine.output();
        *in_channels = engine->engine.input().channels;
        *out_channels = out.channels, *out_height = out.height, *out_width = out.width;
        return SLSC_OK;
    });
}

slsc_status slsc_run(slsc_engine* engine, const float* input, int height, int width, float* output) {
    if (!engine || !input || !output) return SLSC_BAD_ARGUMENT;
    return guarded(engine, [&] { return engine->engine.run(input, height, width, output); });
}

int slsc_op_count(const slsc_engine* engine) { return engine ? int(engine->engine.op_count()) : 0; }

slsc_status slsc_op_seconds(const slsc_engine* engine, double* seconds) {
    if (!engine || !seconds) return SLSC_BAD_ARGUMENT;
    for (double each : engine->engine.seconds()) *seconds++ = each;
    return SLSC_OK;
}

uint64_t slsc_op_macs(const slsc_engine* engine, int index) {
    if (!engine || index < 0 || index >= slsc_op_count(engine)) return 0;
    return engine->engine.macs(size_t(index));
}

uint64_t slsc_arena_bytes(const slsc_engine* engine) { return engine ? engine->engine.arena_bytes() : 0; }

const char* slsc_isa(const slsc_engine* engine) { return engine ? engine->engine.kernels().isa : ""; }

const char* slsc_last_error(const slsc_engine* engine) {
    return engine ? engine->engine.error().c_str() : open_error.c_str();
}

void slsc_close(slsc_engine* engine) { delete engine; }

}  // extern "C"
