#include "bundle/utf8.hpp"

namespace slsc {

int32_t take_character(const uint8_t* text, size_t bytes, size_t& at) {
    const uint8_t first = text[at++];
    if (first < 0x80) return first;
    const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
    if (more == 0 || first > 0xF4) return -1;
    int32_t character = first & (0x3F >> more);
    for (int i = 0; i < more; ++i) {
        if (at == bytes || (text[at] & 0xC0) != 0x80) return -1;
        character = character << 6 | (text[at++] & 0x3F);
    }
    constexpr int32_t smallest[] = {0, 0x80, 0x800, 0x10000};  // shorter forms exist below
    const bool surrogate = character >= 0xD800 && character <= 0xDFFF;
    return character < smallest[more] || character > 0x10FFFF || surrogate ? -1 : character;
}

void append_character(std::string& text, uint32_t character) {
    if (character < 0x80) {
        text += char(character);
        return;
    }
    const int more = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    text += char((0xFF00u >> (more + 1) & 0xFF) | character >> 6 * more);
    for (int i = more - 1; i >= 0; --i) text += char(0x80 | (character >> 6 * i & 0x3F));
}

}  // namespace slsc
