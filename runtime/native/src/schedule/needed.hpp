// What of an image's values is to be made where a map leaves regions out.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "ops/spec.hpp"
#include "schedule/regions.hpp"

namespace slsc {

enum class Need {
    Nothing,  // nobody reads it for what is wanted
    Zeros,    // it is read, from too far away to matter
    Pixels
};

class Needed {
public:
    // `map`: as run_schedule takes it.
    Needed(const Regions& regions, const uint8_t* map);

    // Whether the map wants all regions.
    bool everything() const { return wanted_.empty(); }

    // What a node is to make in a row of regions, from one column of the image to the one before the end.
    Need of(int node, int row, Columns columns) const;

    // Whether anything is wanted of a pixel of the output, which lies at this place of the image, or kRim pixels around it.
    bool wanted(int row, int column) const;

private:
    int rows_around(const Reach& reach) const;
    bool within(const Reach& reach, int row, Columns columns) const;

    const Regions& regions_;
    const uint8_t* map_;
    std::map<int, std::vector<uint8_t>> wanted_;  // by rows of regions around: whether one is wanted in the same column
};

}  // namespace slsc
