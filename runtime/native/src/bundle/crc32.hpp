// CRC-32 as in zip files (ISO 3309, polynomial 0xEDB88320 reflected).
#pragma once

#include <cstddef>
#include <cstdint>

namespace slsc {

uint32_t crc32(const uint8_t* data, size_t bytes);

}  // namespace slsc
