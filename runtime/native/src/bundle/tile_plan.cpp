#include "bundle/tile_plan.hpp"

#include <algorithm>
#include <numeric>
#include <string>

#include "support/error.hpp"

namespace slsc {

namespace {

// Cores of tiles tried, input pixels: coarse steps, so that the choice seldom depends on a few megabytes more or less.
constexpr int64_t kCores[] = {384, 256, 192, 128, 96, 64, 48, 32, 24, 16, 8};

struct Size {
    int64_t height, width;
};

std::string megabytes(uint64_t bytes, uint64_t rounding) { return std::to_string((bytes + rounding) >> 20) + " MiB"; }

void require_fit(uint64_t memory, uint64_t needed, const std::string& what) {
    if (needed <= memory) return;
    throw Error(SLSC_NO_MEMORY, what + " does not fit into " + megabytes(memory, 0) + " of memory: it takes " +
                                    megabytes(needed, (1 << 20) - 1) + "; allow more with slsc_bundle_set_memory");
}

// The photo's size, enlarged to what the network takes.
Size padded(const ImageIO& io, Size photo, int64_t align) {
    if (!io.fixed_hw) return {round_up(photo.height, io.multiple_of[0]), round_up(photo.width, io.multiple_of[1])};
    const int64_t height = (*io.fixed_hw)[0], width = (*io.fixed_hw)[1];
    return {height + round_up(std::max<int64_t>(0, photo.height - height), align),
            width + round_up(std::max<int64_t>(0, photo.width - width), align)};
}

// The largest core whose tiles fit.
int64_t choose_core(uint64_t memory, const TileBytes& bytes, Size whole, int64_t halo) {
    uint64_t needed = 0;
    for (int64_t core : kCores) {
        needed = bytes(std::min(whole.height, core + 2 * halo), std::min(whole.width, core + 2 * halo));
        if (needed <= memory) return core;
    }
    require_fit(memory, needed, "the smallest tile");
    return kCores[std::size(kCores) - 1];
}

void require_core(Size whole, Size extent, int64_t halo, int64_t align) {
    if ((whole.height <= extent.height || longest_step(extent.height, halo, align) > 0) &&
        (whole.width <= extent.width || longest_step(extent.width, halo, align) > 0))
        return;
    throw Error(SLSC_BAD_SIZE, "the network's fixed input of " + std::to_string(extent.width) + "x" +
                                   std::to_string(extent.height) + " is too small to tile a larger photo: halos of " +
                                   std::to_string(halo) + " leave no core; compile a model with free height and width");
}

}  // namespace

TilePlan plan_tiles(const Manifest& manifest, int64_t height, int64_t width, uint64_t memory, const TileBytes& bytes) {
    const ImageIO& io = manifest.io;
    const int64_t align = std::lcm(std::lcm<int64_t>(manifest.tile.align, io.multiple_of[0]), io.multiple_of[1]);
    const Size whole = padded(io, {height, width}, align);
    const int64_t halo = round_up(manifest.tile.halo, align);
    Size extent;
    if (io.fixed_hw) {
        extent = {(*io.fixed_hw)[0], (*io.fixed_hw)[1]};
        require_fit(memory, bytes(extent.height, extent.width), "the network's fixed input");
    } else {
        const int64_t core = choose_core(memory, bytes, whole, halo);
        const int64_t largest = std::max<int64_t>(core / align, 1) * align + 2 * halo;
        extent = {even_extent(whole.height, largest, halo, align), even_extent(whole.width, largest, halo, align)};
    }
    require_core(whole, extent, halo, align);
    return {spans(whole.height, extent.height, halo, align), spans(whole.width, extent.width, halo, align), halo, align,
            !io.fixed_hw};
}

}  // namespace slsc
