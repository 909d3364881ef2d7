// An opened bundle: its checked manifest, and its entries, read on demand.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bundle/manifest.hpp"
#include "bundle/zip.hpp"

namespace slsc {

// Holds no open file, so threads may share it.
class Bundle {
public:
    // Checks the file's structure and manifest. Throws BundleError.
    explicit Bundle(const std::string& path);

    const Manifest& manifest() const { return manifest_; }
    // The engine of that name, the first one for null. Throws Error (SLSC_BAD_ARGUMENT).
    const EngineRecord& engine(const char* name) const;
    // The artefact of a kind of an engine. Throws Error (SLSC_UNSUPPORTED) if it has none, BundleError if the entry is damaged.
    std::vector<uint8_t> read(const EngineRecord& engine, const std::string& kind) const;

private:
    void require_agreement() const;

    std::string path_;
    Zip zip_;
    Manifest manifest_;
};

}  // namespace slsc
