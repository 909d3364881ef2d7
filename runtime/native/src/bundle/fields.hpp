// The fields of one JSON object, taken one by one, each checked for type and range; `close` refuses what nobody took.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bundle/json.hpp"

namespace slsc {

// Every call throws BundleError (bad_manifest) with the dotted path of the field concerned.
class Fields {
public:
    using Pair = std::array<int, 2>;
    static constexpr size_t kMaxText = 4096;

    // `data`, of whatever kind, outlives this.
    Fields(const Json& data, std::string path);

    [[noreturn]] void refuse(const std::string& name, const std::string& why) const;
    std::string path_of(const std::string& name) const { return path_ + "." + name; }

    const Json& take(const std::string& name);
    // Null or missing: none.
    const Json* take_optional(const std::string& name);
    void close() const;

    int64_t integer(const std::string& name, int64_t low, int64_t high);
    std::optional<int64_t> optional_integer(const std::string& name, int64_t low, int64_t high);
    double number(const std::string& name, double low, double high);
    std::vector<double> numbers(const std::string& name, double low, double high);
    bool boolean(const std::string& name);
    // `longest` counts characters, all of them printable.
    std::string text(const std::string& name, size_t longest = kMaxText, bool empty = false);
    // At most `most` of them, none of them empty.
    std::vector<std::string> texts(const std::string& name, size_t most);
    std::string choice(const std::string& name, const std::vector<std::string>& allowed);
    std::string sha256(const std::string& name);
    Pair pair(const std::string& name, int low, int high);
    std::optional<Pair> optional_pair(const std::string& name, int low, int high);
    const std::vector<Json>& list(const std::string& name);
    // An object with free keys.
    const Json& mapping(const std::string& name);

private:
    const Json& expect(const std::string& name, Json::Kind kind, const char* what);
    std::string text_of(const Json& value, const std::string& name, size_t longest, bool empty) const;
    double number_of(const Json& value, const std::string& name, double low, double high) const;
    int64_t integer_of(const Json& value, const std::string& name, int64_t low, int64_t high) const;

    const Json& data_;
    std::string path_;
    std::set<std::string> left_;
};

}  // namespace slsc
