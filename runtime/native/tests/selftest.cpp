// Runs the engine on plans from a folder, where the Python tests put them: NAME.nmp and NAME.case, see read_case.
//
//   selftest oracle FOLDER     every plan, instruction set and thread count gives what the case expects, run in many ways or, with threads, few
//   selftest races FOLDER      the same with several threads alone, the best instruction set and the portable one (build with a thread sanitizer)
//   selftest hostile FOLDER    every field of every plan corrupted: refused, or run without a fault (build with sanitizers)
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "kernels/kernels.hpp"
#include "plan/plan.hpp"
#include "rows.hpp"
#include "slsc/native.h"

namespace {

using Bytes = std::vector<char>;

[[noreturn]] void die(const std::string& why) {
    std::fprintf(stderr, "%s\n", why.c_str());
    std::exit(1);
}

Bytes read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) die("cannot read " + path.string());
    return Bytes(std::istreambuf_iterator<char>(file), {});
}

struct Image {
    int channels = 0, height = 0, width = 0;
    std::vector<float> pixels;
};

// int32 channels, height, width; float32 pixels.
const char* take_image(const char* from, Image& image) {
    int32_t sizes[3];
    std::memcpy(sizes, from, sizeof sizes);
    image.channels = sizes[0], image.height = sizes[1], image.width = sizes[2];
    from += sizeof sizes;
    image.pixels.resize(size_t(image.channels) * image.height * image.width);
    std::memcpy(image.pixels.data(), from, image.pixels.size() * sizeof(float));
    return from + image.pixels.size() * sizeof(float);
}

std::vector<std::filesystem::path> plans_in(const char* folder) {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (entry.path().extension() == ".nmp") found.push_back(entry.path());
    std::sort(found.begin(), found.end());
    if (found.empty()) die(std::string("no plans in ") + folder);
    return found;
}

class Opened {
public:
    Opened(const Bytes& plan, int threads, const char* isa) : status(slsc_context_create(threads, &context)) {
        if (status == SLSC_OK) status = slsc_open(context, plan.data(), plan.size(), isa, &engine);
    }
    ~Opened() {
        slsc_close(engine);
        slsc_context_free(context);
    }
    Opened(const Opened&) = delete;

    slsc_context* context = nullptr;
    slsc_engine* engine = nullptr;
    slsc_status status;
};

// Largest difference from `expected`, over the larger of 1 and its largest value.
double difference(const std::vector<float>& made, const std::vector<float>& expected) {
    double most = 0.0, size = 1.0;
    for (size_t i = 0; i < expected.size(); ++i) {
        const double each = std::fabs(double(made[i]) - expected[i]);
        most = each <= most ? most : each;  // a NaN counts
        size = std::max(size, std::fabs(double(expected[i])));
    }
    return most / size;
}

std::vector<float> restore(slsc_engine* engine, const Image& input, const Image& expected, int band) {
    if (slsc_set_band(engine, band) != SLSC_OK) die(slsc_last_error(engine));
    int in_channels, out_channels, height, width;
    if (slsc_shape(engine, input.height, input.width, &in_channels, &out_channels, &height, &width) != SLSC_OK)
        die(slsc_last_error(engine));
    if (in_channels != input.channels || out_channels != expected.channels || height != expected.height || width != expected.width)
        die("the output has another shape than expected");
    std::vector<float> output(expected.pixels.size());
    if (slsc_run(engine, input.pixels.data(), input.height, input.width, output.data()) != SLSC_OK) die(slsc_last_error(engine));
    return output;
}

std::vector<float> stream(slsc_engine* engine, const Image& input, const Image& expected, int band) {
    if (slsc_set_band(engine, band) != SLSC_OK) die(slsc_last_error(engine));
    Rows rows{{input.channels, input.height, input.width, input.pixels},
              {expected.channels, expected.height, expected.width, std::vector<float>(expected.pixels.size())}};
    if (rows.run(engine) != SLSC_OK) die(slsc_last_error(engine));
    return rows.output.pixels;
}

constexpr uint8_t kOthers[] = {0, SLSC_LEFT_OUT};  // candidates of every other region
constexpr int kRegionWidths[] = {5, 16};  // whose pixels lie side by side in vectors, and those that lie in blocks

// What regions of 5 rows make where every other one takes the last candidate, the others `other`.
std::vector<float> restore_mixed(slsc_engine* engine, const Image& input, size_t floats, int band, int width, uint8_t other) {
    int rows, columns;
    if (slsc_set_band(engine, band) != SLSC_OK || slsc_set_region(engine, 5, width) != SLSC_OK ||
        slsc_regions(engine, input.height, input.width, &rows, &columns) != SLSC_OK)
        die(slsc_last_error(engine));
    std::vector<uint8_t> map(size_t(rows) * columns);
    for (size_t i = 0; i < map.size(); ++i) map[i] = (i / columns + i % columns) % 2 ? uint8_t(slsc_candidates(engine) - 1) : other;
    std::vector<float> output(floats);
    const slsc_status status =
        slsc_run_map(engine, input.pixels.data(), input.height, input.width, map.data(), rows, columns, output.data());
    if (status != SLSC_OK) die(slsc_last_error(engine));
    return output;
}

// How a plan is run: heights of bands, regions (width, candidate of every other one) and their bands, bands of streams.
struct Ways {
    std::vector<int> bands;
    std::vector<std::pair<int, uint8_t>> regions;
    std::vector<int> mixed, streamed;
};

const Ways kAllWays{{1, 2, 5, 12, 24, 0}, {{5, 0}, {5, SLSC_LEFT_OUT}, {16, 0}, {16, SLSC_LEFT_OUT}}, {1, 12, 0}, {1, 5, 0}};
const Ways kFewWays{{5, 0}, {{5, SLSC_LEFT_OUT}, {16, 0}}, {12}, {5}};  // with several threads, which share all of them alike

// Difference from what is expected, whatever the height of bands and however it is run: infinite if it changes a bit.
double run_case(const Bytes& plan, const Image& input, const Image& expected, int threads, const char* isa) {
    const Ways& ways = threads == 1 ? kAllWays : kFewWays;
    const Opened opened(plan, threads, isa);
    if (opened.status != SLSC_OK) die(slsc_last_error(nullptr));
    const std::vector<float> output = restore(opened.engine, input, expected, input.height);
    for (int band : ways.bands) {
        const std::vector<float> banded = restore(opened.engine, input, expected, band);
        if (std::memcmp(banded.data(), output.data(), output.size() * sizeof(float)) != 0) return INFINITY;
    }
    for (const auto& [width, other] : ways.regions) {
        const std::vector<float> mixed = restore_mixed(opened.engine, input, output.size(), input.height, width, other);
        for (int band : ways.mixed)
            if (std::memcmp(restore_mixed(opened.engine, input, output.size(), band, width, other).data(), mixed.data(),
                            mixed.size() * sizeof(float)) != 0)
                return INFINITY;
    }
    if (slsc_set_memory(opened.engine, 1) != SLSC_OK) die(slsc_last_error(opened.engine));  // windows that slide with every band
    for (int band : ways.streamed) {
        const std::vector<float> streamed = stream(opened.engine, input, expected, band);
        if (std::memcmp(streamed.data(), output.data(), output.size() * sizeof(float)) != 0) return INFINITY;
    }
    return difference(output, expected.pixels);
}

// The instruction sets of this processor, the best first.
std::vector<const char*> here() {
    std::vector<const char*> found;
    for (const char* isa : {"amx", "avx512", "avx2", "neon", "portable"})
        if (slsc::select_kernels(isa)) found.push_back(isa);
    return found;
}

int oracle(const char* folder, std::initializer_list<int> thread_counts, const std::vector<const char*>& isas) {
    int failures = 0;
    for (const char* isa : isas) {
        double most = 0.0;
        int cases = 0;
        for (const auto& path : plans_in(folder)) {
            const Bytes plan = read(path), bytes = read(std::filesystem::path(path).replace_extension(".case"));
            Image input, expected;
            take_image(take_image(bytes.data(), input), expected);
            for (int threads : thread_counts) {
                const double found = run_case(plan, input, expected, threads, isa);
                most = std::max(most, found);
                ++cases;
                if (found < 2e-5) continue;
                std::fprintf(stderr, "%s, %s, %d threads: off by %g\n", path.filename().c_str(), isa, threads, found);
                ++failures;
            }
        }
        const char* integers = slsc::select_kernels(isa)->fast_integers ? ", fast in int8" : "";
        std::printf("%s%s: %d cases, largest difference %.2g\n", isa, integers, cases, most);
    }
    return failures ? 1 : 0;
}

struct Tally {
    int refused = 0, ran = 0;
};

// Opens a plan that may be anything, and runs it if the engine takes it and that is cheap.
void attack(const Bytes& plan, Tally& tally) {
    const Opened opened(plan, 1, nullptr);
    if (opened.status != SLSC_OK) {
        if (!*slsc_last_error(nullptr)) die("refused without a reason");
        ++tally.refused;
        return;
    }
    ++tally.ran;
    int in_channels, out_channels, height, width;
    for (int band : {13, 4}) {
        if (slsc_set_band(opened.engine, band) != SLSC_OK) die(slsc_last_error(opened.engine));
        if (slsc_shape(opened.engine, 9, 13, &in_channels, &out_channels, &height, &width) != SLSC_OK) return;
        if (slsc_arena_bytes(opened.engine) > 4 << 20) return;
        std::vector<float> input(size_t(in_channels) * 9 * 13, 0.5f), output(size_t(out_channels) * height * width);
        if (slsc_run(opened.engine, input.data(), 9, 13, output.data()) != SLSC_OK) die(slsc_last_error(opened.engine));
        const int turn = tally.ran + (band == 4);  // every kind of regions comes to its turn, one for each plan and band
        restore_mixed(opened.engine, {in_channels, 9, 13, input}, output.size(), band, kRegionWidths[turn % 2],
                      kOthers[turn / 2 % 2]);
    }
    if (slsc_set_memory(opened.engine, 1) != SLSC_OK) die(slsc_last_error(opened.engine));
    Rows rows{{in_channels, 9, 13, std::vector<float>(size_t(in_channels) * 9 * 13, 0.5f)},
              {out_channels, height, width, std::vector<float>(size_t(out_channels) * height * width)}};
    if (rows.run(opened.engine) != SLSC_OK) die(slsc_last_error(opened.engine));
}

int hostile(const char* folder) {
    const int32_t likely[] = {-1, 0, 1, 2, 3, 17, 64, 255, 4097, 65536, 1 << 24, INT32_MAX, INT32_MIN, 0x7fc00000};
    std::minstd_rand random(1);
    size_t plans = 0;
    Tally fields, bytes, cuts;
    for (const auto& path : plans_in(folder)) {
        const Bytes plan = read(path);
        slsc::Header header;
        std::memcpy(&header, plan.data(), sizeof header);
        const size_t records = plan.size() - size_t(header.blob_bytes);
        for (size_t at = 0; at + 4 <= records; at += 4)
            // Two values, which takes a seventh of the time: the next fields and the next plans are given the others.
            for (size_t i = (at / 4 + plans) % 7; i < std::size(likely); i += 7) {
                Bytes changed = plan;
                std::memcpy(changed.data() + at, &likely[i], 4);
                if (changed != plan) attack(changed, fields);
            }
        ++plans;
        for (int i = 0; i < 60; ++i) {
            Bytes changed = plan;
            for (int k = 0; k < 1 + i % 4; ++k) changed[random() % changed.size()] ^= char(1 << random() % 8);
            attack(changed, bytes);
        }
        for (size_t size = 0; size < plan.size(); size += 1 + size / 16) {
            const int before = cuts.ran;
            attack(Bytes(plan.begin(), plan.begin() + long(size)), cuts);
            if (cuts.ran != before) die(path.string() + ": a file cut short was taken");
        }
    }
    std::printf("fields: %d refused, %d ran; bits: %d refused, %d ran; cut short: %d refused\n", fields.refused, fields.ran,
                bytes.refused, bytes.ran, cuts.refused);
    return 0;
}

}  // namespace

int main(int count, char** arguments) {
    const std::string mode = count == 3 ? arguments[1] : "";
    if (mode == "oracle") return oracle(arguments[2], {1, 3}, here());
    if (mode == "races") return oracle(arguments[2], {3}, {here().front(), "portable"});  // threads share work alike in all
    if (mode == "hostile") return hostile(arguments[2]);
    die("usage: selftest oracle|races|hostile FOLDER");
}
