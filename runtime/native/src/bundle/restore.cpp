#include "bundle/restore.hpp"

#include <limits>
#include <new>
#include <string>
#include <vector>

#include "bundle/tile_plan.hpp"
#include "bundle/transparency.hpp"
#include "support/error.hpp"

namespace slsc {

namespace {

constexpr uint64_t kNeverFits = std::numeric_limits<uint64_t>::max();

std::string show(int channels, int64_t height, int64_t width) {
    return std::to_string(channels) + "x" + std::to_string(height) + "x" + std::to_string(width);
}

// Sizes of a run on a tile, which are as the manifest says.
Runner::Sizes sizes_of(Runner& runner, const ImageIO& io, int64_t height, int64_t width) {
    const Runner::Sizes sizes = runner.sizes(int(height), int(width));
    if (sizes.in_channels != io.channels || sizes.out_channels != io.channels || sizes.height != height * io.scale ||
        sizes.width != width * io.scale)
        throw Error(SLSC_BAD_BUNDLE, "the network makes " + show(sizes.out_channels, sizes.height, sizes.width) + " of " +
                                         show(sizes.in_channels, height, width) + ", its bundle says " +
                                         show(io.channels, height * io.scale, width * io.scale));
    return sizes;
}

uint64_t floats_in(const ImageIO& io, int64_t height, int64_t width) {
    return uint64_t(io.channels) * uint64_t(height) * uint64_t(width);
}

uint64_t floats_out(const ImageIO& io, int64_t height, int64_t width) {
    return floats_in(io, height, width) * uint64_t(io.scale) * uint64_t(io.scale);
}

// What a tile takes, enlarged to what the network takes: its values, what it is shown, and what it makes.
uint64_t tile_bytes(Runner& runner, const ImageIO& io, int64_t height, int64_t width) {
    height = round_up(height, io.multiple_of[0]), width = round_up(width, io.multiple_of[1]);
    try {
        const uint64_t arena = sizes_of(runner, io, height, width).arena_bytes;
        return arena + sizeof(float) * (floats_in(io, height, width) + floats_out(io, height, width));
    } catch (const Error& error) {
        if (error.status() == SLSC_NO_MEMORY) return kNeverFits;
        throw;
    }
}

template <typename Sample>
class Restoration {
public:
    Restoration(Runner& runner, const Manifest& manifest, const Photo<Sample>& photo, uint64_t memory, Sample* restored)
        : runner_(runner), io_(manifest.io), photo_(photo), restored_(restored),
          plan_(plan_tiles(manifest, photo.height, photo.width, memory,
                           [&](int64_t height, int64_t width) { return tile_bytes(runner, manifest.io, height, width); })) {}

    void run() {
        for (const Span& rows : plan_.rows)
            for (const Span& columns : plan_.columns) restore({rows, columns}, 0);
    }

private:
    // In halves of halves if memory has turned out too short for more.
    void restore(const Tile& tile, int halved) {
        if (tile.rows.core_start >= photo_.height || tile.columns.core_start >= photo_.width) return;
        std::vector<Tile> parts;
        if (halved < halvings_) parts = halves(tile);
        if (parts.empty()) {
            if (attempt(tile)) return;
            parts = halves(tile);
            if (parts.empty())
                throw Error(SLSC_NO_MEMORY, "out of memory: a tile of " + std::to_string(tile.columns.size()) + "x" +
                                                std::to_string(tile.rows.size()) +
                                                " pixels could not be allocated, and cannot be cut further");
            halvings_ = halved + 1;  // of the tiles to come, too: what failed once would fail again
        }
        for (const Tile& part : parts) restore(part, halved + 1);
    }

    std::vector<Tile> halves(const Tile& tile) const {
        return plan_.can_split ? split(tile, plan_.halo, plan_.align) : std::vector<Tile>();
    }

    // False if memory is too short.
    bool attempt(const Tile& tile) {
        try {
            const int64_t height = tile.rows.size(), width = tile.columns.size();
            sizes_of(runner_, io_, height, width);
            shown_.resize(floats_in(io_, height, width));
            made_.resize(floats_out(io_, height, width));
            to_planes(photo_, tile, io_, shown_.data());
            runner_.run(shown_.data(), int(height), int(width), made_.data());
            compose(made_.data(), photo_, scaled(tile, io_.scale), io_, restored_);
            return true;
        } catch (const std::bad_alloc&) {
            return false;
        } catch (const Error& error) {
            if (error.status() != SLSC_NO_MEMORY) throw;
            return false;
        }
    }

    Runner& runner_;
    const ImageIO& io_;
    const Photo<Sample>& photo_;
    Sample* restored_;
    TilePlan plan_;
    int halvings_ = 0;
    std::vector<float> shown_, made_;  // planes of a tile, before and after the network
};

// The whole photo, row by row; false where that takes more memory, where memory is too short after all, and where the engine does
// not take so large an image.
template <typename Sample>
bool stream(Runner& runner, const ImageIO& io, const Photo<Sample>& photo, uint64_t memory, Sample* restored) {
    const int64_t height = round_up(photo.height, io.multiple_of[0]), width = round_up(photo.width, io.multiple_of[1]);
    if (io.fixed_hw && (height != (*io.fixed_hw)[0] || width != (*io.fixed_hw)[1])) return false;
    const auto read = [&](int first, int rows, float* to) {
        to_planes(photo, {{first, first + rows, first, first + rows}, {0, width, 0, width}}, io, to);
    };
    const auto write = [&](int first, int rows, const float* from) {
        const int64_t columns = width * io.scale;
        compose(from, photo, {{first, first + rows, first, first + rows}, {0, columns, 0, columns}}, io, restored);
    };
    try {
        if (runner.rows_bytes(int(height), int(width), memory) > memory) return false;
        sizes_of(runner, io, height, width);
        runner.run_rows(int(height), int(width), memory, read, write);
        return true;
    } catch (const Error& error) {
        if (error.status() != SLSC_NO_MEMORY && error.status() != SLSC_BAD_SIZE) throw;
        return false;
    }
}

template <typename Sample>
void restore_opaque(Runner& runner, const Manifest& manifest, const Photo<Sample>& photo, uint64_t memory, Sample* restored) {
    if (stream(runner, manifest.io, photo, memory, restored)) return;
    Restoration<Sample>(runner, manifest, photo, memory, restored).run();
}

}  // namespace

template <typename Sample>
void restore(Runner& runner, const Manifest& manifest, const Photo<Sample>& photo, uint64_t memory, Sample* restored) {
    if (!partly_transparent(photo)) return restore_opaque(runner, manifest, photo, memory, restored);
    const uint64_t taken = bled_bytes(photo);
    if (taken >= memory)
        throw Error(SLSC_NO_MEMORY, "a copy of the photo, whose colours are to be brought into what is transparent, takes " +
                                        std::to_string(taken) + " bytes of " + std::to_string(memory) +
                                        "; allow more with slsc_bundle_set_memory");
    const std::vector<Sample> pixels = bled(photo);
    const Photo<Sample> opaque{pixels.data(), photo.height, photo.width, photo.channels};
    restore_opaque(runner, manifest, opaque, memory - taken, restored);
}

template void restore(Runner&, const Manifest&, const Photo<uint8_t>&, uint64_t, uint8_t*);
template void restore(Runner&, const Manifest&, const Photo<uint16_t>&, uint64_t, uint16_t*);
template void restore(Runner&, const Manifest&, const Photo<float>&, uint64_t, float*);

}  // namespace slsc
