// UTF-8 (RFC 3629).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace slsc {

// Takes the character at `at`, which it moves on; -1 where there is no well-formed one. `at` < `bytes`.
int32_t take_character(const uint8_t* text, size_t bytes, size_t& at);

void append_character(std::string& text, uint32_t character);

}  // namespace slsc
