// A strict reader of JSON (RFC 8259) for untrusted text.
//
// Refused beyond the grammar: repeated keys, integers of more than 18 digits, numbers beyond a double, lone surrogates, text
// that is not UTF-8, nesting deeper than 64, and more than 2^18 values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace slsc {

struct Json {
    enum class Kind {
        null,
        boolean,
        integer,
        number,
        text,
        list,
        object
    };

    Kind kind = Kind::null;
    bool boolean = false;
    int64_t integer = 0;
    double number = 0.0;             // of an integer, too
    std::string text;                // UTF-8
    std::vector<std::string> keys;   // of an object, one an item
    std::vector<Json> items;         // of a list or an object

    // The value of a key of an object; null if there is none.
    const Json* find(const std::string& key) const;
};

// The value that the text holds. Throws BundleError (bad_manifest).
Json parse_json(const uint8_t* text, size_t bytes);

}  // namespace slsc
