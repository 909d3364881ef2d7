// Writes stored zips as slsc does, for tests and the fuzzer.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "bundle/crc32.hpp"

using Entries = std::vector<std::pair<std::string, std::vector<uint8_t>>>;

class ZipWriter {
public:
    explicit ZipWriter(const Entries& entries) {
        std::vector<uint8_t> directory;
        for (const auto& [name, data] : entries) add(name, data, directory);
        const size_t at = bytes_.size();
        bytes_.insert(bytes_.end(), directory.begin(), directory.end());
        put(bytes_, 0x06054b50, 4), put(bytes_, 0, 4);
        put(bytes_, entries.size(), 2), put(bytes_, entries.size(), 2);
        put(bytes_, directory.size(), 4), put(bytes_, at, 4), put(bytes_, 0, 2);
    }

    const std::vector<uint8_t>& bytes() const { return bytes_; }

private:
    static void put(std::vector<uint8_t>& to, uint64_t value, int bytes) {
        for (int i = 0; i < bytes; ++i) to.push_back(uint8_t(value >> 8 * i));
    }

    // Version 20, no flags, stored, 1980-01-01 00:00; then checksum and sizes.
    static void put_common(std::vector<uint8_t>& to, const std::string& name, const std::vector<uint8_t>& data) {
        put(to, 20, 2), put(to, 0, 2), put(to, 0, 2), put(to, 0, 2), put(to, 0x21, 2);
        put(to, slsc::crc32(data.data(), data.size()), 4), put(to, data.size(), 4), put(to, data.size(), 4);
        put(to, name.size(), 2), put(to, 0, 2);
    }

    void add(const std::string& name, const std::vector<uint8_t>& data, std::vector<uint8_t>& directory) {
        put(directory, 0x02014b50, 4), put(directory, 20, 2);
        put_common(directory, name, data);
        put(directory, 0, 2), put(directory, 0, 2), put(directory, 0, 2), put(directory, 0, 4), put(directory, bytes_.size(), 4);
        directory.insert(directory.end(), name.begin(), name.end());
        put(bytes_, 0x04034b50, 4);
        put_common(bytes_, name, data);
        bytes_.insert(bytes_.end(), name.begin(), name.end());
        bytes_.insert(bytes_.end(), data.begin(), data.end());
    }

    std::vector<uint8_t> bytes_;
};

inline void write_file(const std::string& path, const std::vector<uint8_t>& bytes) {
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
}
