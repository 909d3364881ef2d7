#include "bundle/crc32.hpp"

#include <array>

namespace slsc {

static constexpr std::array<uint32_t, 256> make_table() {
    std::array<uint32_t, 256> table{};
    for (uint32_t byte = 0; byte < 256; ++byte) {
        uint32_t rest = byte;
        for (int bit = 0; bit < 8; ++bit) rest = rest & 1 ? rest >> 1 ^ 0xEDB88320u : rest >> 1;
        table[byte] = rest;
    }
    return table;
}

uint32_t crc32(const uint8_t* data, size_t bytes) {
    static constexpr auto table = make_table();
    uint32_t rest = 0xFFFFFFFFu;
    for (size_t i = 0; i < bytes; ++i) rest = table[(rest ^ data[i]) & 0xFF] ^ rest >> 8;
    return ~rest;
}

}  // namespace slsc
