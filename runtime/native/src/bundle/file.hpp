// A file that is read piece by piece, each piece at a known place.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace slsc {

class File {
public:
    // `path` is UTF-8. Throws BundleError (unreadable): missing, no regular file, or not permitted.
    explicit File(const std::string& path);

    uint64_t bytes() const { return bytes_; }
    // The pieces asked for lie inside the file as it was when opened. Throws BundleError (unreadable) if it shrank.
    std::vector<uint8_t> read(uint64_t offset, uint64_t bytes);

private:
    std::ifstream stream_;
    uint64_t bytes_ = 0;
};

}  // namespace slsc
