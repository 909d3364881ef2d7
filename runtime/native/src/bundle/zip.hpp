// The zip file around a bundle, read without trust.
//
// Entries are stored as they are, back to back from the first byte, followed by the central directory and a 22-byte end
// record without comment. Nothing else is accepted, as by the Python runtime (bundle/reader.py).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace slsc {

// Where an entry's bytes lie in the file, and their recorded CRC-32.
struct Extent {
    uint64_t offset = 0, bytes = 0;
    uint32_t crc = 0;
};

// Throws BundleError (bad_path): a name that is no path of parts [A-Za-z0-9][A-Za-z0-9._-]*, or longer than 200.
void require_entry_name(const std::string& name);

// A table of contents. It holds no open file: an entry is read by opening the file again.
class Zip {
public:
    // `small` names an entry of which at most `most` bytes are taken. Throws BundleError.
    Zip(const std::string& path, const std::string& small, uint64_t most);

    const std::map<std::string, Extent>& entries() const { return entries_; }
    // Throws BundleError: there is no such entry, or the file cannot be read any more.
    std::vector<uint8_t> read(const std::string& entry) const;

private:
    std::string path_;
    std::map<std::string, Extent> entries_;
};

}  // namespace slsc
