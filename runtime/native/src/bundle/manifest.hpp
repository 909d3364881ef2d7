// What a bundle says about itself, manifest schema 3 (docs/reference/bundle.md). Every field is checked; kept is what
// restoring takes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bundle/fields.hpp"

namespace slsc {

// The network's values of black and of white, channel by channel in its own order (blue first, where it takes BGR).
struct ValueRange {
    std::vector<double> low, high;
};

// How pixels enter and leave the network.
struct ImageIO {
    int channels = 0;     // 1 (luma) or 3
    std::string order;    // "RGB" or "BGR" for 3 channels, "Y" for 1
    ValueRange input_range, output_range;  // of every channel
    int scale = 0;        // output pixels per input pixel along each side
    std::string task;     // "sr" or "restore"
    std::optional<Fields::Pair> fixed_hw;  // the one height and width it takes
    Fields::Pair multiple_of{};            // height and width are multiples of these
};

// In input pixels.
struct TileGeometry {
    int halo = 0;        // overlap on each side of a tile
    int align = 0;       // tiles start at multiples of it
    double bound = 0.0;  // max|tiled - whole| measured with that halo, unit range
};

// One network of the bundle.
struct EngineRecord {
    std::string name;
    std::map<std::string, std::string> artefacts;  // entry by kind
    std::map<std::string, std::string> refusals;   // reason by kind
};

struct Entry {
    std::string sha256;
    uint64_t bytes = 0;
};

struct Manifest {
    static constexpr int kSchema = 4;

    ImageIO io;
    TileGeometry tile;
    std::vector<EngineRecord> engines;  // the first runs unless another is asked for
    std::map<std::string, Entry> entries;
};

// Throws BundleError: older_schema or newer_schema before anything else is looked at, else bad_manifest.
Manifest read_manifest(const Json& json);

}  // namespace slsc
