// Which channels of a value hold something already.
#pragma once

#include <iterator>
#include <map>

namespace slsc {

// Channels of one value that were written so far, as disjoint ranges: first -> end.
class Written {
public:
    bool covers(int first, int end) const {
        auto range = ranges_.upper_bound(first);
        return range != ranges_.begin() && (--range)->second >= end;
    }

    // False when a part of the range was written before.
    bool add(int first, int end) {
        auto next = ranges_.lower_bound(first);
        if (next != ranges_.end() && next->first < end) return false;
        if (next != ranges_.begin()) {
            auto before = std::prev(next);
            if (before->second > first) return false;
            if (before->second == first) first = before->first, ranges_.erase(before);
        }
        if (next != ranges_.end() && next->first == end) end = next->second, ranges_.erase(next);
        ranges_[first] = end;
        return true;
    }

private:
    std::map<int, int> ranges_;
};

}  // namespace slsc
