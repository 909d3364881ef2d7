#include "bundle/tiles.hpp"

#include <algorithm>

namespace slsc {

static int64_t divide_up(int64_t value, int64_t by) { return (value + by - 1) / by; }

static Span scaled(const Span& span, int64_t scale) {
    return {span.start * scale, span.stop * scale, span.core_start * scale, span.core_stop * scale};
}

Tile scaled(const Tile& tile, int64_t scale) { return {scaled(tile.rows, scale), scaled(tile.columns, scale)}; }

int64_t round_up(int64_t value, int64_t multiple) { return divide_up(value, multiple) * multiple; }

int64_t longest_step(int64_t extent, int64_t halo, int64_t align) {
    return extent < 2 * halo ? 0 : (extent - 2 * halo) / align * align;
}

int64_t even_extent(int64_t size, int64_t largest, int64_t halo, int64_t align) {
    if (size <= largest) return size;
    const int64_t count = divide_up(size - 2 * halo, longest_step(largest, halo, align));
    return round_up(divide_up(size - 2 * halo, count), align) + 2 * halo;
}

std::vector<Span> spans(int64_t size, int64_t extent, int64_t halo, int64_t align) {
    if (size <= extent) return {{0, size, 0, size}};
    const int64_t last = round_up(size - extent, align);
    const int64_t count = divide_up(last, longest_step(extent, halo, align)) + 1;
    std::vector<Span> cut;
    for (int64_t i = 0; i < count; ++i) {
        // Rounding a mean step of at most the longest, itself a multiple of align, never makes it longer than that.
        const int64_t start = round_up(last * i / (count - 1), align);
        cut.push_back({start, std::min(start + extent, size), 0, size});
    }
    for (size_t i = 1; i < cut.size(); ++i) cut[i - 1].core_stop = cut[i].core_start = (cut[i].start + cut[i - 1].stop) / 2;
    return cut;
}

std::vector<Tile> split(const Tile& tile, int64_t halo, int64_t align) {
    const bool tall = tile.rows.size() >= tile.columns.size();
    const Span& whole = tall ? tile.rows : tile.columns;
    const int64_t inner = std::max<int64_t>(whole.size() - 2 * halo, 0);
    const int64_t half = round_up(divide_up(inner, 2), align) + 2 * halo;
    if (half >= whole.size()) return {};
    std::vector<Tile> parts;
    for (Span part : spans(whole.size(), half, halo, align)) {
        part.start += whole.start, part.stop += whole.start;
        part.core_start = std::max(part.core_start + whole.start, whole.core_start);
        part.core_stop = std::min(part.core_stop + whole.start, whole.core_stop);
        if (part.core_start < part.core_stop) parts.push_back(tall ? Tile{part, tile.columns} : Tile{tile.rows, part});
    }
    return parts;
}

int64_t mirrored(int64_t place, int64_t size) {
    place %= 2 * size;
    return place < size ? place : 2 * size - 1 - place;
}

}  // namespace slsc
