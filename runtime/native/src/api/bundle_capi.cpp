// The C interface to bundles: no exception leaves it.
#include <string>

#include "api/status.hpp"
#include "bundle/bundle.hpp"
#include "bundle/restore.hpp"
#include "bundle/runner.hpp"
#include "slsc/native.h"
#include "support/error.hpp"

namespace {

constexpr uint64_t kDefaultMemory = uint64_t(768) << 20;
constexpr int kMaxSide = 1 << 20;

thread_local std::string open_error;

}  // namespace

struct slsc_bundle {
    slsc_bundle(slsc_context* context, const char* path, const char* name)
        : bundle(path), engine(bundle.engine(name)), runner(context, bundle.read(engine, "native")) {}

    slsc::Bundle bundle;
    const slsc::EngineRecord& engine;
    slsc::Runner runner;
    uint64_t memory = kDefaultMemory;
    std::string error;
};

namespace {

template <typename Sample>
slsc::Photo<Sample> photo_of(const void* pixels, int height, int width, int channels) {
    return {static_cast<const Sample*>(pixels), height, width, channels};
}

template <typename Sample>
void restore(slsc_bundle& bundle, const slsc::Photo<Sample>& photo, void* restored) {
    slsc::restore(bundle.runner, bundle.bundle.manifest(), photo, bundle.memory, static_cast<Sample*>(restored));
}

void restore(slsc_bundle& bundle, const void* pixels, int height, int width, int channels, slsc_sample_type type, void* restored) {
    using slsc::require;
    require(pixels && restored, SLSC_BAD_ARGUMENT, "pixels or restored is null");
    require(height >= 1 && height <= kMaxSide && width >= 1 && width <= kMaxSide, SLSC_BAD_ARGUMENT,
            "height and width must be in 1.." + std::to_string(kMaxSide));
    require(channels >= 1 && channels <= 4, SLSC_BAD_ARGUMENT, "channels must be 1 grey, 2 grey + alpha, 3 RGB or 4 RGB + alpha");
    switch (type) {
        case SLSC_U8: return restore(bundle, photo_of<uint8_t>(pixels, height, width, channels), restored);
        case SLSC_U16: return restore(bundle, photo_of<uint16_t>(pixels, height, width, channels), restored);
        case SLSC_F32: {
            const auto photo = photo_of<float>(pixels, height, width, channels);
            require(slsc::in_range(photo), SLSC_BAD_ARGUMENT, "the image has values outside 0..1");
            return restore(bundle, photo, restored);
        }
    }
    throw slsc::Error(SLSC_BAD_ARGUMENT, "the sample type must be SLSC_U8, SLSC_U16 or SLSC_F32");
}

}  // namespace

extern "C" {

slsc_status slsc_bundle_open(slsc_context* context, const char* path, const char* engine, slsc_bundle** bundle) {
    if (!bundle) return SLSC_BAD_ARGUMENT;
    *bundle = nullptr;
    return slsc::status_of(open_error, [&] {
        slsc::require(path, SLSC_BAD_ARGUMENT, "path is null");
        *bundle = new slsc_bundle(context, path, engine);
    });
}

void slsc_bundle_close(slsc_bundle* bundle) { delete bundle; }

int slsc_bundle_scale(const slsc_bundle* bundle) { return bundle ? bundle->bundle.manifest().io.scale : 0; }

int slsc_bundle_channels(const slsc_bundle* bundle) { return bundle ? bundle->bundle.manifest().io.channels : 0; }

const char* slsc_bundle_task(const slsc_bundle* bundle) { return bundle ? bundle->bundle.manifest().io.task.c_str() : ""; }

const char* slsc_bundle_engine(const slsc_bundle* bundle) { return bundle ? bundle->engine.name.c_str() : ""; }

int slsc_bundle_engine_count(const slsc_bundle* bundle) { return bundle ? int(bundle->bundle.manifest().engines.size()) : 0; }

const char* slsc_bundle_engine_name(const slsc_bundle* bundle, int index) {
    if (index < 0 || index >= slsc_bundle_engine_count(bundle)) return "";
    return bundle->bundle.manifest().engines[size_t(index)].name.c_str();
}

slsc_status slsc_bundle_set_memory(slsc_bundle* bundle, uint64_t bytes) {
    if (!bundle) return SLSC_BAD_ARGUMENT;
    bundle->memory = bytes ? bytes : kDefaultMemory;
    return SLSC_OK;
}

slsc_status slsc_bundle_restore(slsc_bundle* bundle, const void* pixels, int height, int width, int channels, slsc_sample_type type,
                                void* restored) {
    if (!bundle) return SLSC_BAD_ARGUMENT;
    return slsc::status_of(bundle->error, [&] { restore(*bundle, pixels, height, width, channels, type, restored); });
}

const char* slsc_bundle_last_error(const slsc_bundle* bundle) { return bundle ? bundle->error.c_str() : open_error.c_str(); }

}  // extern "C"
