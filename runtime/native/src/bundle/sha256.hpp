// SHA-256 (FIPS 180-4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace slsc {

// 64 lower-case hex digits.
std::string sha256_hex(const uint8_t* data, size_t bytes);

}  // namespace slsc
