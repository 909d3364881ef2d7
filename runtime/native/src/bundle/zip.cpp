#include "bundle/zip.hpp"

#include <algorithm>
#include <cctype>
#include <set>

#include "bundle/fault.hpp"
#include "bundle/file.hpp"

namespace slsc {

namespace {

constexpr uint64_t kMaxBytes = (uint64_t(1) << 31) - 1;
constexpr uint64_t kMaxDirectoryBytes = 1 << 20;
constexpr size_t kMaxEntries = 1024, kMaxName = 200;
constexpr size_t kLocalHeader = 30, kCentralHeader = 46, kEndRecord = 22, kMaxComment = 1 << 16;
constexpr uint32_t kLocalMagic = 0x04034b50, kCentralMagic = 0x02014b50, kEndMagic = 0x06054b50;
constexpr unsigned kNewestVersion = 63;  // of the zip format, as Python's zipfile reads it

using Bytes = std::vector<uint8_t>;

unsigned u16(const uint8_t* at) { return at[0] | unsigned(at[1]) << 8; }
uint32_t u32(const uint8_t* at) { return u16(at) | uint32_t(u16(at + 2)) << 16; }

[[noreturn]] void refuse(Fault fault, const std::string& why) { throw BundleError(fault, why); }

struct Directory {
    uint64_t offset, bytes;
    size_t entries;
};

// One record of the central directory.
struct Record {
    std::string name;
    unsigned flags, method;
    uint32_t crc, stored, bytes, offset;
    bool plain;  // has neither extra fields nor a comment
};

// Where the end record lies in the file's last bytes; it really ends the file.
size_t find_end(const Bytes& tail) {
    for (size_t at = tail.size() < 4 ? 0 : tail.size() - 3; at-- > 0;) {
        if (u32(&tail[at]) != kEndMagic) continue;
        if (tail.size() - at < kEndRecord) refuse(Fault::truncated, "it ends inside its last record");
        if (tail.size() - at > kEndRecord || u16(&tail[at + 20]))
            refuse(Fault::not_a_bundle, "there are foreign bytes after its end");
        return at;
    }
    refuse(Fault::truncated, "the table of contents at its end is missing");
}

Directory find_directory(File& file) {
    const uint64_t size = file.bytes();
    if (size > kMaxBytes) refuse(Fault::too_large, "it has more than " + std::to_string(kMaxBytes) + " bytes");
    if (size < 4 || u32(file.read(0, 4).data()) != kLocalMagic)
        refuse(Fault::not_a_bundle, size ? "it does not begin as a bundle does" : "it is empty");
    const uint64_t tail_bytes = std::min<uint64_t>(size, kMaxComment + kEndRecord);
    const Bytes tail = file.read(size - tail_bytes, tail_bytes);
    const uint8_t* end = &tail[find_end(tail)];
    const unsigned disk = u16(end + 4), first_disk = u16(end + 6), here = u16(end + 8);
    const Directory directory{u32(end + 16), u32(end + 12), u16(end + 10)};
    if (directory.entries > kMaxEntries || directory.bytes > kMaxDirectoryBytes)
        refuse(Fault::too_large, "its table of contents claims " + std::to_string(directory.entries) + " entries in " +
                                     std::to_string(directory.bytes) + " bytes");
    if (disk || first_disk || here != directory.entries || directory.offset + directory.bytes + kEndRecord != size)
        refuse(Fault::not_a_bundle, "its end record does not fit the file (foreign or missing bytes)");
    return directory;
}

std::vector<Record> read_records(const Bytes& bytes, size_t count) {
    std::vector<Record> records;
    size_t at = 0;
    while (at < bytes.size()) {
        const uint8_t* from = &bytes[at];
        if (bytes.size() - at < kCentralHeader || u32(from) != kCentralMagic || u16(from + 6) > kNewestVersion)
            refuse(Fault::not_a_bundle, "its table of contents is damaged");
        const size_t name = u16(from + 28), extra = u16(from + 30), comment = u16(from + 32);
        if (bytes.size() - at - kCentralHeader < name + extra + comment)
            refuse(Fault::not_a_bundle, "its table of contents is damaged");
        records.push_back({std::string(from + kCentralHeader, from + kCentralHeader + name), u16(from + 8), u16(from + 10),
                           u32(from + 16), u32(from + 20), u32(from + 24), u32(from + 42), extra == 0 && comment == 0});
        at += kCentralHeader + name + extra + comment;
    }
    if (records.size() != count) refuse(Fault::not_a_bundle, "its end record miscounts its entries");
    return records;
}

bool letter_or_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

// Parts of [A-Za-z0-9][A-Za-z0-9._-]*, separated by slashes.
bool good_name(const std::string& name) {
    bool first = true;  // of a part
    for (char c : name) {
        if (first ? !letter_or_digit(c) : !letter_or_digit(c) && c != '.' && c != '_' && c != '-' && c != '/') return false;
        first = c == '/';
    }
    return !first && name.size() <= kMaxName;
}

std::string shown(const std::string& name) {
    std::string text;
    for (char c : name.substr(0, kMaxName)) text += c >= ' ' && c <= '~' ? c : '?';
    return text;
}

void require_plain(const Record& record) {
    const std::string name = "entry " + shown(record.name);
    require_entry_name(record.name);
    if (record.method != 0 || record.flags & 1 || record.stored != record.bytes)
        refuse(Fault::compressed_entry, name + " is compressed or encrypted");
    if (!record.plain || record.flags) refuse(Fault::not_a_bundle, name + " has fields which slsc never writes");
    if (record.bytes > kMaxBytes) refuse(Fault::too_large, name + " claims " + std::to_string(record.bytes) + " bytes");
}

std::string lower(std::string name) {
    for (char& c : name) c = char(std::tolower(static_cast<unsigned char>(c)));
    return name;
}

}  // namespace

void require_entry_name(const std::string& name) {
    if (!good_name(name)) refuse(Fault::bad_path, "the entry name '" + shown(name) + "' is not allowed");
}

Zip::Zip(const std::string& path, const std::string& small, uint64_t most) : path_(path) {
    File file(path);
    const Directory directory = find_directory(file);
    std::set<std::string> seen;
    uint64_t expected = 0;
    for (const Record& record : read_records(file.read(directory.offset, directory.bytes), directory.entries)) {
        require_plain(record);
        if (record.name == small && record.bytes > most)
            refuse(Fault::too_large, "entry " + small + " claims " + std::to_string(record.bytes) + " bytes");
        if (record.offset != expected || expected + kLocalHeader > directory.offset)
            refuse(Fault::not_a_bundle, "entry " + record.name + " is not where slsc would have put it");
        if (!seen.insert(lower(record.name)).second) refuse(Fault::duplicate_entry, record.name + " appears twice");
        const uint64_t data_at = expected + kLocalHeader + record.name.size();
        entries_[record.name] = {data_at, record.bytes, record.crc};
        expected = data_at + record.bytes;
    }
    if (expected != directory.offset) refuse(Fault::not_a_bundle, "its entries do not fill the file up to the table of contents");
}

std::vector<uint8_t> Zip::read(const std::string& entry) const {
    const auto found = entries_.find(entry);
    if (found == entries_.end()) refuse(Fault::missing_entry, "there is no entry " + shown(entry));
    File file(path_);
    if (file.bytes() < found->second.offset + found->second.bytes) refuse(Fault::unreadable, "it has become shorter");
    return file.read(found->second.offset, found->second.bytes);
}

}  // namespace slsc
