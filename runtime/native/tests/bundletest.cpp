// The parts behind slsc_bundle_*, by themselves: the Python tests compare what is printed with what their runtime does.
//
//   bundletest open FILE...            a line a bundle: "ok", or the word it is refused with
//   bundletest sha256 FILE             its SHA-256
//   bundletest json FILE               the value in it, written again; or "bad_manifest"
//   bundletest tiles                   from lines "size largest halo align": the extent, and start, stop and core of every tile
//   bundletest enlarge FILE HEIGHT WIDTH SCALE OUT
//                                      grey 8-bit pixels, enlarged: float32
//   bundletest hostile FILE SCRATCH    changes the bundle in many ways: refused with a reason, or opened and run without a fault
//                                      (build with sanitizers)
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "bundle/bundle.hpp"
#include "bundle/fault.hpp"
#include "bundle/json.hpp"
#include "bundle/resample.hpp"
#include "bundle/sha256.hpp"
#include "bundle/tiles.hpp"
#include "slsc/native.h"
#include "zip_writer.hpp"

namespace {

using Bytes = std::vector<uint8_t>;

[[noreturn]] void die(const std::string& why) {
    std::fprintf(stderr, "%s\n", why.c_str());
    std::exit(1);
}

Bytes read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) die("cannot read " + path);
    return Bytes(std::istreambuf_iterator<char>(file), {});
}

int open(const std::vector<std::string>& paths) {
    for (const std::string& path : paths) {
        try {
            slsc::Bundle bundle(path);
            for (const auto& engine : bundle.manifest().engines)
                for (const auto& [kind, entry] : engine.artefacts) bundle.read(engine, kind);
            std::puts("ok");
        } catch (const slsc::BundleError& refusal) {
            std::puts(slsc::word(refusal.fault()));
        }
    }
    return 0;
}

void write_text(const std::string& text) {
    std::putchar('"');
    for (unsigned char c : text) {
        if (c < 0x20 || c == '"' || c == '\\') std::printf("\\u%04x", c);
        else std::putchar(c);
    }
    std::putchar('"');
}

void write(const slsc::Json& json) {
    using Kind = slsc::Json::Kind;
    switch (json.kind) {
        case Kind::null: std::printf("null"); return;
        case Kind::boolean: std::printf(json.boolean ? "true" : "false"); return;
        case Kind::integer: std::printf("%lld", static_cast<long long>(json.integer)); return;
        case Kind::number: std::printf("%.17e", json.number); return;
        case Kind::text: write_text(json.text); return;
        case Kind::list:
        case Kind::object: break;
    }
    const bool object = json.kind == Kind::object;
    std::putchar(object ? '{' : '[');
    for (size_t i = 0; i < json.items.size(); ++i) {
        if (i) std::putchar(',');
        if (object) write_text(json.keys[i]), std::putchar(':');
        write(json.items[i]);
    }
    std::putchar(object ? '}' : ']');
}

int json(const std::string& path) {
    const Bytes text = read(path);
    try {
        write(slsc::parse_json(text.data(), text.size()));
    } catch (const slsc::BundleError& refusal) {
        std::printf("%s", slsc::word(refusal.fault()));
    }
    return 0;
}

int tiles() {
    long long size, largest, halo, align;
    while (std::cin >> size >> largest >> halo >> align) {
        const int64_t extent = slsc::even_extent(size, largest, halo, align);
        std::printf("%lld", static_cast<long long>(extent));
        for (const slsc::Span& span : slsc::spans(size, extent, halo, align))
            for (int64_t edge : {span.start, span.stop, span.core_start, span.core_stop})
                std::printf(" %lld", static_cast<long long>(edge));
        std::puts("");
    }
    return 0;
}

int enlarge(const std::string& path, int height, int width, int scale, const std::string& out) {
    const Bytes pixels = read(path);
    if (pixels.size() != size_t(height) * size_t(width)) die("the file has another size");
    const slsc::Taps rows = slsc::make_taps(height, scale, 0, height * scale);
    const slsc::Taps columns = slsc::make_taps(width, scale, 0, width * scale);
    slsc::RowEnlarger<double, uint8_t> enlarger({pixels.data(), width, 1, 1}, rows, columns);
    std::vector<float> line(size_t(width) * size_t(scale));
    std::ofstream file(out, std::ios::binary);
    for (int64_t row = 0; row < height * scale; ++row) {
        enlarger.enlarge(row, line.data());
        file.write(reinterpret_cast<const char*>(line.data()), std::streamsize(line.size() * sizeof(float)));
    }
    return 0;
}

struct Tally {
    int refused = 0, failed = 0, ran = 0;

    void show(const char* what) const {
        std::printf("%s: %d refused, %d opened but not run, %d ran\n", what, refused, failed, ran);
    }
};

// Opens a file that may be anything, and restores with it.
void attack(slsc_context* context, const std::string& path, const Bytes& bytes, Tally& tally) {
    write_file(path, bytes);
    slsc_bundle* bundle = nullptr;
    if (slsc_bundle_open(context, path.c_str(), nullptr, &bundle) != SLSC_OK) {
        if (bundle || !*slsc_bundle_last_error(nullptr)) die("refused without a reason");
        ++tally.refused;
        return;
    }
    const int height = 9, width = 13, scale = slsc_bundle_scale(bundle);
    for (int channels = 1; channels <= 4; ++channels) {
        // Exactly as large as promised, so that a step beyond is seen.
        const Bytes pixels(size_t(height * width * channels), 100);
        Bytes restored(pixels.size() * size_t(scale * scale));
        slsc_bundle_set_memory(bundle, 32 << 20);
        const slsc_status status = slsc_bundle_restore(bundle, pixels.data(), height, width, channels, SLSC_U8, restored.data());
        if (status == SLSC_OK) ++tally.ran;
        else if (!*slsc_bundle_last_error(bundle)) die("failed without a reason");
        else ++tally.failed;
    }
    slsc_bundle_close(bundle);
}

Entries entries_of(const std::string& path) {
    const slsc::Zip zip(path, "manifest.json", 8 << 20);
    Entries entries;
    for (const auto& [name, extent] : zip.entries()) {
        (void)extent;
        entries.emplace_back(name, zip.read(name));
    }
    return entries;
}

Bytes& manifest_in(Entries& entries) {
    for (auto& [name, data] : entries)
        if (name == "manifest.json") return data;
    die("there is no manifest");
}

// A change to JSON text that often leaves it JSON: a number replaced, a piece repeated, dropped or copied elsewhere.
void change_text(Bytes& text, std::minstd_rand& random) {
    static const char* const likely[] = {"0",
                                         "1",
                                         "-1",
                                         "2",
                                         "16",
                                         "17",
                                         "65536",
                                         "65537",
                                         "1e400",
                                         "null",
                                         "true",
                                         "\"\"",
                                         "[]",
                                         "{}",
                                         "999999999999999999",
                                         "9999999999999999999",
                                         "0.5",
                                         "NaN"};
    const size_t at = random() % text.size(), end = std::min(text.size(), at + 1 + random() % 24);
    const Bytes piece(text.begin() + long(at), text.begin() + long(end));
    switch (random() % 5) {
        case 0: text.erase(text.begin() + long(at), text.begin() + long(end)); return;
        case 1: text.insert(text.begin() + long(random() % text.size()), piece.begin(), piece.end()); return;
        case 2: text[at] = uint8_t(random()); return;
        default: break;
    }
    const auto number = std::find_if(text.begin() + long(at), text.end(), [](uint8_t c) { return c >= '0' && c <= '9'; });
    const auto after = std::find_if(number, text.end(), [](uint8_t c) { return (c < '0' || c > '9') && c != '.'; });
    const char* value = likely[random() % std::size(likely)];
    text.insert(text.erase(number, after), value, value + std::strlen(value));
}

int hostile(const std::string& path, const std::string& scratch) {
    slsc_context* context = nullptr;
    if (slsc_context_create(1, &context) != SLSC_OK) die("no context");
    const Bytes whole = read(path);
    const Entries entries = entries_of(path);
    std::minstd_rand random(1);
    Tally intact, cuts, bits, texts, deep;
    attack(context, scratch, whole, intact);
    if (intact.ran != 4) die(std::string("the bundle itself does not run: ") + slsc_bundle_last_error(nullptr));
    for (size_t size = 0; size < whole.size(); size += 1 + size / 64)
        attack(context, scratch, Bytes(whole.begin(), whole.begin() + long(size)), cuts);
    if (cuts.failed || cuts.ran) die("a file cut short was taken");
    for (int i = 0; i < 2000; ++i) {
        Bytes changed = whole;
        // The records at the end as often as all the rest.
        const size_t from = i % 2 ? 0 : whole.size() - std::min<size_t>(whole.size(), 300);
        for (int k = 0; k < 1 + i % 4; ++k) changed[from + random() % (whole.size() - from)] ^= uint8_t(1 << random() % 8);
        attack(context, scratch, changed, bits);
    }
    for (int i = 0; i < 4000; ++i) {
        Entries changed = entries;
        for (int k = 0; k < 1 + i % 3; ++k) change_text(manifest_in(changed), random);
        attack(context, scratch, ZipWriter(changed).bytes(), texts);
    }
    for (const char* brackets : {"[", "{\"a\":", "[[],"})
        for (size_t times : {10u, 63u, 64u, 65u, 100000u}) {
            Entries changed = entries;
            Bytes& text = manifest_in(changed);
            text.clear();
            for (size_t i = 0; i < times; ++i) text.insert(text.end(), brackets, brackets + std::strlen(brackets));
            attack(context, scratch, ZipWriter(changed).bytes(), deep);
        }
    cuts.show("cut short"), bits.show("bits"), texts.show("manifests"), deep.show("nested");
    slsc_context_free(context);
    return 0;
}

}  // namespace

int main(int count, char** arguments) {
    const std::vector<std::string> words(arguments + 1, arguments + count);
    const std::string mode = words.empty() ? "" : words[0];
    if (mode == "open") return open({words.begin() + 1, words.end()});
    if (mode == "sha256" && count == 3) {
        const Bytes data = read(words[1]);
        std::puts(slsc::sha256_hex(data.data(), data.size()).c_str());
        return 0;
    }
    if (mode == "json" && count == 3) return json(words[1]);
    if (mode == "tiles") return tiles();
    if (mode == "enlarge" && count == 7)
        return enlarge(words[1], std::stoi(words[2]), std::stoi(words[3]), std::stoi(words[4]), words[5]);
    if (mode == "hostile" && count == 4) return hostile(words[1], words[2]);
    die("usage: bundletest open|sha256|json|tiles|enlarge|hostile ...");
}
