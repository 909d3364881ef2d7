#include "bundle/bundle.hpp"

#include "bundle/crc32.hpp"
#include "bundle/fault.hpp"
#include "bundle/sha256.hpp"

namespace slsc {

namespace {

constexpr const char* kManifest = "manifest.json";
constexpr uint64_t kMaxManifestBytes = 8 << 20;

// What `read` makes; its refusals name the file.
template <typename Read>
auto naming(const std::string& path, Read read) {
    try {
        return read();
    } catch (const BundleError& refusal) {
        throw BundleError(refusal, path);
    }
}

Manifest manifest_of(const Zip& zip) {
    if (!zip.entries().count(kManifest)) throw BundleError(Fault::missing_entry, "it holds no manifest.json");
    const std::vector<uint8_t> text = zip.read(kManifest);
    if (crc32(text.data(), text.size()) != zip.entries().at(kManifest).crc)
        throw BundleError(Fault::changed_entry, "manifest.json does not have its recorded CRC-32");
    return read_manifest(parse_json(text.data(), text.size()));
}

}  // namespace

Bundle::Bundle(const std::string& path)
    : path_(path), zip_(naming(path, [&] { return Zip(path, kManifest, kMaxManifestBytes); })),
      manifest_(naming(path, [&] { return manifest_of(zip_); })) {
    naming(path, [&] { require_agreement(); });
}

// The file holds exactly the entries that the manifest names, each of the recorded size.
void Bundle::require_agreement() const {
    for (const auto& [name, entry] : manifest_.entries) {
        require_entry_name(name);
        if (name == kManifest || !zip_.entries().count(name))
            throw BundleError(Fault::missing_entry, "entry " + name + " is missing");
    }
    for (const auto& [name, extent] : zip_.entries()) {
        const auto entry = manifest_.entries.find(name);
        if (name == kManifest) continue;
        if (entry == manifest_.entries.end())
            throw BundleError(Fault::unexpected_entry, "entry " + name + " is not in the manifest");
        if (entry->second.bytes != extent.bytes)
            throw BundleError(Fault::changed_entry, name + " has another size than the manifest says");
    }
}

const EngineRecord& Bundle::engine(const char* name) const {
    std::string names;
    for (const EngineRecord& engine : manifest_.engines) {
        if (!name || engine.name == name) return engine;
        names += (names.empty() ? "" : ", ") + engine.name;
    }
    throw Error(SLSC_BAD_ARGUMENT, path_ + ": the bundle has no engine '" + name + "'; it has " + names);
}

std::vector<uint8_t> Bundle::read(const EngineRecord& engine, const std::string& kind) const {
    const auto artefact = engine.artefacts.find(kind);
    if (artefact == engine.artefacts.end()) {
        const auto refusal = engine.refusals.find(kind);
        const std::string why = refusal == engine.refusals.end() ? "it was not made" : refusal->second;
        throw Error(SLSC_UNSUPPORTED, path_ + ": engine " + engine.name + " has nothing of kind " + kind + ": " + why);
    }
    return naming(path_, [&] {
        std::vector<uint8_t> data = zip_.read(artefact->second);
        if (sha256_hex(data.data(), data.size()) != manifest_.entries.at(artefact->second).sha256)
            throw BundleError(Fault::changed_entry, artefact->second + " does not have the SHA-256 of the manifest");
        return data;
    });
}

}  // namespace slsc
