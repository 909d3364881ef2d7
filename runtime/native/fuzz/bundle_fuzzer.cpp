// libFuzzer harness: any bytes are either refused as a bundle, or restore a small image cleanly.
//
// Random bytes rarely pass the checksums. An input is therefore a bundle whose manifest is changed and written anew, half of the
// time; the other half of the time its bytes are the file.
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "../tests/zip_writer.hpp"
#include "bundle/fault.hpp"
#include "bundle/zip.hpp"
#include "slsc/native.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

// A plan may well want more memory for its values than there is: that is an error of the caller's, not a finding.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1:max_allocation_size_mb=256"; }

namespace {

constexpr uint64_t kMemory = 4 << 20;  // small, for more bundles a second

// A bundle is opened by its path, so each input is a file, the same one; its name is the process's own.
const std::string& scratch() {
    static const std::string path = "/tmp/slsc_bundle_fuzzer_" + std::to_string(getpid());
    return path;
}

void restore(slsc_bundle* bundle, int channels) {
    constexpr int kHeight = 9, kWidth = 13;
    const int scale = slsc_bundle_scale(bundle);
    // Exactly as large as promised, so that a step beyond is seen.
    const std::vector<uint8_t> pixels(size_t(kHeight * kWidth * channels), 100);
    std::vector<uint8_t> restored(pixels.size() * size_t(scale * scale));
    if (slsc_bundle_restore(bundle, pixels.data(), kHeight, kWidth, channels, SLSC_U8, restored.data()) != SLSC_OK &&
        !*slsc_bundle_last_error(bundle))
        std::abort();
}

Entries entries_of(const std::vector<uint8_t>& bytes) {
    write_file(scratch(), bytes);
    Entries entries;
    try {
        const slsc::Zip zip(scratch(), "manifest.json", 8 << 20);
        for (const auto& entry : zip.entries()) entries.emplace_back(entry.first, zip.read(entry.first));
    } catch (const slsc::BundleError&) {
        entries.clear();
    }
    return entries;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    write_file(scratch(), {data, data + size});
    slsc_context* context = nullptr;
    if (slsc_context_create(1, &context) != SLSC_OK) std::abort();
    slsc_bundle* bundle = nullptr;
    if (slsc_bundle_open(context, scratch().c_str(), nullptr, &bundle) == SLSC_OK) {
        slsc_bundle_set_memory(bundle, kMemory);
        for (int channels = 1; channels <= 4; ++channels) restore(bundle, channels);
    } else if (bundle || !*slsc_bundle_last_error(nullptr)) {
        std::abort();
    }
    slsc_bundle_close(bundle);
    slsc_context_free(context);
    return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
    Entries entries = seed % 2 ? entries_of({data, data + size}) : Entries();
    const auto manifest =
        std::find_if(entries.begin(), entries.end(), [](const auto& entry) { return entry.first == "manifest.json"; });
    if (manifest == entries.end()) return LLVMFuzzerMutate(data, size, max_size);
    std::vector<uint8_t>& text = manifest->second;
    const size_t length = text.size();
    text.resize(length + 256);
    text.resize(LLVMFuzzerMutate(text.data(), length, text.size()));
    const std::vector<uint8_t> changed = ZipWriter(entries).bytes();
    if (changed.size() > max_size) return size;
    std::copy(changed.begin(), changed.end(), data);
    return changed.size();
}
