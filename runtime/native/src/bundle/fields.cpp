#include "bundle/fields.hpp"

#include <algorithm>
#include <sstream>

#include "bundle/fault.hpp"
#include "bundle/utf8.hpp"

namespace slsc {

namespace {

constexpr size_t kMaxItems = 65536, kMaxShown = 80;

// Paths hold keys of the file, which may be anything.
[[noreturn]] void malformed(std::string path, const std::string& why) {
    std::replace_if(path.begin(), path.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    throw BundleError(Fault::bad_manifest, path + ": " + why);
}

// Characters, all printable; none where one is a control character.
std::optional<size_t> printable_characters(const std::string& text) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
    size_t count = 0;
    for (size_t at = 0; at < text.size(); ++count) {
        const int32_t character = take_character(bytes, text.size(), at);
        if (character < 0x20 || (character >= 0x7F && character < 0xA0)) return std::nullopt;
    }
    return count;
}

std::string show(double value) {
    std::ostringstream stream;
    stream << value;
    return stream.str();
}

bool is_number(const Json& value) { return value.kind == Json::Kind::integer || value.kind == Json::Kind::number; }

std::string range(int64_t low, int64_t high) { return std::to_string(low) + ".." + std::to_string(high); }

}  // namespace

Fields::Fields(const Json& data, std::string path) : data_(data), path_(std::move(path)) {
    if (data.kind != Json::Kind::object) malformed(path_, "expected an object");
    left_.insert(data.keys.begin(), data.keys.end());
}

void Fields::refuse(const std::string& name, const std::string& why) const {
    malformed(path_of(name.size() > kMaxShown ? name.substr(0, kMaxShown) : name), why);
}

const Json* Fields::take_optional(const std::string& name) {
    left_.erase(name);
    const Json* value = data_.find(name);
    return value && value->kind != Json::Kind::null ? value : nullptr;
}

const Json& Fields::take(const std::string& name) {
    const Json* value = data_.find(name);
    if (!value) refuse(name, "the field is missing");
    left_.erase(name);
    return *value;
}

void Fields::close() const {
    if (!left_.empty()) refuse(*left_.begin(), "this slsc knows no such field");
}

const Json& Fields::expect(const std::string& name, Json::Kind kind, const char* what) {
    const Json& value = take(name);
    if (value.kind != kind) refuse(name, std::string("expected ") + what);
    return value;
}

int64_t Fields::integer_of(const Json& value, const std::string& name, int64_t low, int64_t high) const {
    if (value.kind != Json::Kind::integer || value.integer < low || value.integer > high)
        refuse(name, "expected an integer in " + range(low, high));
    return value.integer;
}

int64_t Fields::integer(const std::string& name, int64_t low, int64_t high) { return integer_of(take(name), name, low, high); }

std::optional<int64_t> Fields::optional_integer(const std::string& name, int64_t low, int64_t high) {
    if (take(name).kind == Json::Kind::null) return std::nullopt;
    return integer(name, low, high);
}

double Fields::number_of(const Json& value, const std::string& name, double low, double high) const {
    if (!is_number(value) || value.number < low || value.number > high)
        refuse(name, "expected a number in " + show(low) + ".." + show(high));
    return value.number;
}

double Fields::number(const std::string& name, double low, double high) { return number_of(take(name), name, low, high); }

std::vector<double> Fields::numbers(const std::string& name, double low, double high) {
    std::vector<double> values;
    for (const Json& value : list(name)) values.push_back(number_of(value, name, low, high));
    return values;
}

bool Fields::boolean(const std::string& name) { return expect(name, Json::Kind::boolean, "true or false").boolean; }

std::string Fields::text(const std::string& name, size_t longest, bool empty) { return text_of(take(name), name, longest, empty); }

std::string Fields::text_of(const Json& value, const std::string& name, size_t longest, bool empty) const {
    if (value.kind != Json::Kind::text) refuse(name, "expected a string");
    const auto count = printable_characters(value.text);
    if (!count || *count > longest || (*count == 0 && !empty))
        refuse(name, "expected " + range(empty ? 0 : 1, int64_t(longest)) + " printable characters");
    return value.text;
}

std::vector<std::string> Fields::texts(const std::string& name, size_t most) {
    const auto& items = list(name);
    if (items.size() > most) refuse(name, "expected at most " + std::to_string(most) + " values");
    std::vector<std::string> texts;
    for (const Json& item : items) texts.push_back(text_of(item, name, kMaxText, false));
    return texts;
}

std::string Fields::choice(const std::string& name, const std::vector<std::string>& allowed) {
    const std::string text = this->text(name);
    if (std::find(allowed.begin(), allowed.end(), text) != allowed.end()) return text;
    std::string words;
    for (const std::string& word : allowed) words += (words.empty() ? "" : ", ") + word;
    refuse(name, "expected one of " + words);
}

std::string Fields::sha256(const std::string& name) {
    const std::string text = this->text(name);
    if (text.size() != 64 || text.find_first_not_of("0123456789abcdef") != std::string::npos)
        refuse(name, "expected 64 lower-case hex digits");
    return text;
}

Fields::Pair Fields::pair(const std::string& name, int low, int high) {
    const Json& value = take(name);
    if (value.kind != Json::Kind::list || value.items.size() != 2) refuse(name, "expected a list of two integers");
    return {int(integer_of(value.items[0], name, low, high)), int(integer_of(value.items[1], name, low, high))};
}

std::optional<Fields::Pair> Fields::optional_pair(const std::string& name, int low, int high) {
    if (take(name).kind == Json::Kind::null) return std::nullopt;
    return pair(name, low, high);
}

const std::vector<Json>& Fields::list(const std::string& name) {
    const Json& value = expect(name, Json::Kind::list, "a list");
    if (value.items.size() > kMaxItems) refuse(name, "expected at most " + std::to_string(kMaxItems) + " values");
    return value.items;
}

const Json& Fields::mapping(const std::string& name) {
    const Json& value = expect(name, Json::Kind::object, "an object");
    if (value.items.size() > kMaxItems) refuse(name, "expected at most " + std::to_string(kMaxItems) + " fields");
    return value;
}

}  // namespace slsc
