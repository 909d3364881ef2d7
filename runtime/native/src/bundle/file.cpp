#include "bundle/file.hpp"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "bundle/fault.hpp"

namespace slsc {

File::File(const std::string& path) {
    const auto place = std::filesystem::u8path(path);
    std::error_code error;
    const auto status = std::filesystem::status(place, error);
    if (!std::filesystem::exists(status)) throw BundleError(Fault::unreadable, "there is no such file");
    // Opening a pipe or a device could block.
    if (!std::filesystem::is_regular_file(status)) throw BundleError(Fault::unreadable, "it is no regular file");
    errno = 0;
    stream_.open(place, std::ios::binary);
    if (!stream_) throw BundleError(Fault::unreadable, std::generic_category().message(errno ? errno : EIO));
    stream_.seekg(0, std::ios::end);
    const std::streamoff size = stream_.tellg();
    if (size < 0) throw BundleError(Fault::unreadable, "its size cannot be told");
    bytes_ = uint64_t(size);
}

std::vector<uint8_t> File::read(uint64_t offset, uint64_t bytes) {
    std::vector<uint8_t> data(bytes);
    stream_.clear();
    stream_.seekg(std::streamoff(offset));
    stream_.read(reinterpret_cast<char*>(data.data()), std::streamsize(bytes));
    if (uint64_t(stream_.gcount()) != bytes) throw BundleError(Fault::unreadable, "it ends earlier than it did before");
    return data;
}

}  // namespace slsc
