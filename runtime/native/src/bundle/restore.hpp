// Restoring one photo: whole, row by row, or in tiles where that takes more memory than is allowed.
#pragma once

#include <cstdint>

#include "bundle/manifest.hpp"
#include "bundle/pixels.hpp"
#include "bundle/runner.hpp"

namespace slsc {

// `restored` is as the photo, io.scale times as large; where this throws, it may be partly written. `memory` bounds the bytes
// taken besides photo and result. If memory runs out after all, tiles are cut in halves and the work goes on.
// Throws Error: SLSC_NO_MEMORY, SLSC_BAD_SIZE (no tile that the network takes), SLSC_BAD_BUNDLE (it returns another size than
// the manifest says), SLSC_BAD_OUTPUT (values that are not numbers).
template <typename Sample>
void restore(Runner& runner, const Manifest& manifest, const Photo<Sample>& photo, uint64_t memory, Sample* restored);

}  // namespace slsc
