#include "bundle/json.hpp"

#include <algorithm>
#include <cmath>
#include <locale>
#include <sstream>

#include "bundle/fault.hpp"
#include "bundle/utf8.hpp"

namespace slsc {

namespace {

constexpr int kMaxDepth = 64;
constexpr size_t kMaxValues = 1 << 18, kMaxIntegerDigits = 18;

bool is_digit(int c) { return c >= '0' && c <= '9'; }

class Parser {
public:
    Parser(const uint8_t* text, size_t bytes) : text_(text), bytes_(bytes) {}

    Json document() {
        for (size_t at = 0; at < bytes_;)
            if (take_character(text_, bytes_, at) < 0) refuse("it is not UTF-8", at);
        Json value = this->value(0);
        if (skip_space() >= 0) refuse("there is more after its end");
        return value;
    }

private:
    [[noreturn]] void refuse(const std::string& why, size_t at) const {
        throw BundleError(Fault::bad_manifest, "manifest.json: " + why + " (byte " + std::to_string(at) + ")");
    }
    [[noreturn]] void refuse(const std::string& why) const { refuse(why, at_); }

    int next() const { return at_ < bytes_ ? text_[at_] : -1; }
    int skip_space() {
        while (next() == ' ' || next() == '\t' || next() == '\n' || next() == '\r') ++at_;
        return next();
    }
    void expect(char c) {
        if (next() != c) refuse(std::string("expected '") + c + "'");
        ++at_;
    }
    void expect_word(const char* word) {
        for (; *word; ++word) expect(*word);
    }

    Json value(int depth) {
        if (depth > kMaxDepth) refuse("it is nested too deeply");
        if (++values_ > kMaxValues) refuse("it holds too many values");
        Json value;
        switch (skip_space()) {
            case '{': object(value, depth); break;
            case '[': list(value, depth); break;
            case '"': value.kind = Json::Kind::text, value.text = string(); break;
            case 't': expect_word("true"), value.kind = Json::Kind::boolean, value.boolean = true; break;
            case 'f': expect_word("false"), value.kind = Json::Kind::boolean; break;
            case 'n': expect_word("null"); break;
            default: number(value);
        }
        return value;
    }

    void list(Json& list, int depth) {
        list.kind = Json::Kind::list;
        expect('[');
        if (skip_space() == ']') return expect(']');
        do list.items.push_back(value(depth + 1));
        while (another(']'));
    }

    void object(Json& object, int depth) {
        object.kind = Json::Kind::object;
        expect('{');
        if (skip_space() == '}') return expect('}');
        do {
            skip_space();
            object.keys.push_back(string());
            skip_space();
            expect(':');
            object.items.push_back(value(depth + 1));
        } while (another('}'));
        std::vector<std::string> sorted = object.keys;
        std::sort(sorted.begin(), sorted.end());
        if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) refuse("a key is repeated");
    }

    // After an element: takes the comma before another one, or the end.
    bool another(char end) {
        const bool more = skip_space() == ',';
        expect(more ? ',' : end);
        return more;
    }

    std::string string() {
        std::string text;
        expect('"');
        while (next() != '"') {
            const int c = next();
            if (c < 0x20) refuse("a string is cut short, or holds a control character");
            ++at_;
            if (c == '\\') escape(text);
            else text += char(c);
        }
        expect('"');
        return text;
    }

    void escape(std::string& text) {
        static const std::string letters = "\"\\/bfnrt", meant = "\"\\/\b\f\n\r\t";
        const int c = next();
        const size_t which = c < 0 ? std::string::npos : letters.find(char(c));
        if (c == 'u') return append_character(text, escaped_character());
        if (which == std::string::npos) refuse("an escape is unknown");
        ++at_;
        text += meant[which];
    }

    uint32_t escaped_character() {
        const uint32_t first = code_unit();
        if (first < 0xD800 || first > 0xDFFF) return first;
        if (first > 0xDBFF || next() != '\\') refuse("a surrogate stands alone");
        ++at_;
        const uint32_t second = code_unit();
        if (second < 0xDC00 || second > 0xDFFF) refuse("a surrogate stands alone");
        return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
    }

    // uXXXX
    uint32_t code_unit() {
        expect('u');
        uint32_t unit = 0;
        for (int i = 0; i < 4; ++i, ++at_) {
            const int c = next(), letter = c | 0x20;
            if (!is_digit(c) && (letter < 'a' || letter > 'f')) refuse("an escape lacks its four hex digits");
            unit = unit << 4 | uint32_t(is_digit(c) ? c - '0' : letter - 'a' + 10);
        }
        return unit;
    }

    size_t digits() {
        const size_t from = at_;
        while (is_digit(next())) ++at_;
        if (at_ == from) refuse("a value is expected");
        return at_ - from;
    }

    void number(Json& value) {
        const size_t from = at_;
        if (next() == '-') ++at_;
        const bool zero = next() == '0';
        const size_t integer_digits = digits();
        if (zero && integer_digits > 1) refuse("a number begins with 0");
        bool integer = true;
        if (next() == '.') integer = false, ++at_, digits();
        if (next() == 'e' || next() == 'E') {
            integer = false, ++at_;
            if (next() == '+' || next() == '-') ++at_;
            digits();
        }
        if (integer && integer_digits > kMaxIntegerDigits) refuse("an integer has too many digits", from);
        const std::string text(text_ + from, text_ + at_);
        value.kind = integer ? Json::Kind::integer : Json::Kind::number;
        if (integer) value.integer = std::stoll(text);
        value.number = integer ? double(value.integer) : real(text, from);
    }

    // Not strtod, whose decimal point is the locale's.
    double real(const std::string& text, size_t from) const {
        std::istringstream stream(text);
        stream.imbue(std::locale::classic());
        double value = 0.0;
        if (!(stream >> value) || !std::isfinite(value)) refuse("a number is out of range", from);
        return value;
    }

    const uint8_t* text_;
    size_t bytes_;
    size_t at_ = 0;
    size_t values_ = 0;
};

}  // namespace

const Json* Json::find(const std::string& key) const {
    const auto found = std::find(keys.begin(), keys.end(), key);
    return found == keys.end() ? nullptr : &items[size_t(found - keys.begin())];
}

Json parse_json(const uint8_t* text, size_t bytes) { return Parser(text, bytes).document(); }

}  // namespace slsc
