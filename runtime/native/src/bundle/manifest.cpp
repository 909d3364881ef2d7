#include "bundle/manifest.hpp"

#include <set>

#include "bundle/fault.hpp"

namespace slsc {

namespace {

constexpr int kMaxSide = 1 << 16, kMaxScale = 16, kMaxMultiple = 4096;
constexpr double kMaxValue = 1e6;
constexpr int64_t kMaxCount = 1'000'000'000'000'000;
constexpr size_t kShort = 64, kMaxEngines = 64, kMaxCandidates = 64, kMaxKinds = 16, kMaxKind = 32, kMaxNotes = 64;
constexpr size_t kLongest = 200;  // of the name of an entry
constexpr int kLeastRegion = 8, kMostRegion = 256;  // a side, input pixels
constexpr double kMostBeta = 1e6;
constexpr const char* kZeroCost[] = {"bicubic", "identity"};

void require_schema(Fields& fields) {
    const int64_t schema = fields.integer("schema", 1, 1'000'000);
    if (schema < Manifest::kSchema)
        throw BundleError(Fault::older_schema,
                          "it was made by an older slsc (schema " + std::to_string(schema) + "), compile it again");
    if (schema > Manifest::kSchema)
        throw BundleError(Fault::newer_schema, "it was made by a newer slsc: its schema is " + std::to_string(schema) +
                                                   ", this slsc reads " + std::to_string(Manifest::kSchema));
}

void check_source(const Json& json, const std::string& path) {
    Fields fields(json, path);
    fields.text("name");
    fields.sha256("sha256");
    for (const char* name : {"options", "notes"}) fields.texts(name, kMaxNotes);
    fields.close();
}

// One value for all channels alike, or one a channel; what is returned has one a channel.
ValueRange read_range(const Json& json, const std::string& path, int channels) {
    Fields fields(json, path);
    ValueRange range{fields.numbers("low", -kMaxValue, kMaxValue), fields.numbers("high", -kMaxValue, kMaxValue)};
    fields.close();
    for (const auto& [name, values] : {std::pair<const char*, const std::vector<double>&>("low", range.low), {"high", range.high}})
        if (values.size() != 1 && values.size() != size_t(channels))
            fields.refuse(name, std::to_string(values.size()) + " values do not go with " + std::to_string(channels) + " channels");
    if (range.low.size() != range.high.size()) fields.refuse("high", "there must be as many as of low");
    for (size_t i = 0; i < range.low.size(); ++i)
        if (!(range.low[i] < range.high[i])) fields.refuse("high", "white must lie above black");
    if (range.low.size() == 1) range.low.resize(size_t(channels), range.low[0]), range.high.resize(size_t(channels), range.high[0]);
    return range;
}

ImageIO read_io(const Json& json, const std::string& path) {
    Fields fields(json, path);
    ImageIO io;
    io.channels = int(fields.integer("channels", 1, 3));
    io.order = fields.choice("order", {"RGB", "BGR", "Y"});
    io.input_range = read_range(fields.take("input_range"), fields.path_of("input_range"), io.channels);
    io.output_range = read_range(fields.take("output_range"), fields.path_of("output_range"), io.channels);
    fields.text("input");
    fields.text("output");
    io.scale = int(fields.integer("scale", 1, kMaxScale));
    io.task = fields.choice("task", {"sr", "restore"});
    io.fixed_hw = fields.optional_pair("fixed_hw", 1, kMaxSide);
    io.multiple_of = fields.pair("multiple_of", 1, kMaxMultiple);
    fields.close();
    if (io.channels == 2 || (io.channels == 1) != (io.order == "Y"))
        fields.refuse("order", io.order + " does not go with " + std::to_string(io.channels) + " channels");
    if ((io.scale == 1) != (io.task == "restore"))
        fields.refuse("scale", "scale " + std::to_string(io.scale) + " does not go with task " + io.task);
    return io;
}

TileGeometry read_tile(const Json& json, const std::string& path) {
    Fields fields(json, path);
    TileGeometry tile;
    tile.halo = int(fields.integer("halo", 0, kMaxSide));
    tile.bound = fields.number("bound", 0.0, 1e6);
    const auto field = fields.optional_integer("receptive_field", 0, kMaxSide);
    tile.align = int(fields.integer("align", 1, kMaxMultiple));
    const bool exact = fields.boolean("exact");
    const std::string reason = fields.text("exact_reason", 4096, true);
    fields.close();
    if (exact && !field) fields.refuse("exact", "exact tiling needs a bounded receptive field");
    if (!exact && reason.empty()) fields.refuse("exact_reason", "the reason why exact tiling is impossible is missing");
    return tile;
}

void check_figures(Fields& fields, const std::string& name) {
    const Json& figures = fields.mapping(name);
    Fields values(figures, fields.path_of(name));
    for (const std::string& figure : figures.keys) values.number(figure, -1e30, 1e30);
}

void check_layer(const Json& json, const std::string& path) {
    Fields fields(json, path);
    fields.text("name");
    const int64_t m = fields.integer("m", 1, 256);
    fields.integer("n", 1, m);
    fields.choice("rule", {"magnitude", "magnitude+2:4"});
    fields.sha256("mask_sha256");
    fields.close();
}

// N:M of every layer, which the weights say as well.
void check_plan(const Json& json, const std::string& path) {
    Fields fields(json, path);
    fields.text("budget");
    fields.number("kept_share", 0.0, 1.0);
    fields.text("method");
    std::set<std::string> names;
    for (const Json& layer : fields.list("layers")) {
        check_layer(layer, fields.path_of("layers"));
        if (!names.insert(layer.find("name")->text).second) fields.refuse("layers", "a layer appears twice");
    }
    fields.close();
}

// What the engine computes in, which its artefacts say as well.
void check_types(const Json& json, const std::string& path) {
    Fields fields(json, path);
    fields.choice("precision", {"fp16", "bf16", "bf16-rounded", "int8", "auto"});
    const Json& layers = fields.mapping("layers");
    Fields kinds(layers, fields.path_of("layers"));
    for (const std::string& layer : layers.keys) kinds.choice(layer, {"float32", "fp16", "bf16", "bf16-rounded", "int8"});
    const Json& scales = fields.mapping("scales");
    for (size_t i = 0; i < scales.keys.size(); ++i) {
        Fields scale(scales.items[i], fields.path_of("scales"));
        scale.number("scale", 0.0, 1e30);
        scale.integer("zero", 0, 255);
        scale.close();
    }
    fields.close();
}

// Lower-case words of [a-z][a-z0-9]*, joined by '-'.
bool good_kind(const std::string& kind) {
    bool first = true;  // of a word
    for (char c : kind) {
        const bool letter = c >= 'a' && c <= 'z', digit = c >= '0' && c <= '9';
        if (!letter && (first || (!digit && c != '-'))) return false;
        first = c == '-';
    }
    return !first && kind.size() <= kMaxKind;
}

const Json& kinds(Fields& fields, const std::string& name) {
    const Json& kinds = fields.mapping(name);
    if (kinds.keys.size() > kMaxKinds) fields.refuse(name, "expected at most " + std::to_string(kMaxKinds) + " kinds");
    for (const std::string& kind : kinds.keys)
        if (!good_kind(kind)) fields.refuse(name, "a kind is not lower-case words joined by '-'");
    return kinds;
}

void read_artefacts(Fields& fields, EngineRecord& engine) {
    const Json& artefacts = kinds(fields, "artefacts");
    for (size_t i = 0; i < artefacts.keys.size(); ++i) {
        Fields artefact(artefacts.items[i], fields.path_of("artefacts") + "." + artefacts.keys[i]);
        engine.artefacts[artefacts.keys[i]] = artefact.text("entry", 200);
        artefact.close();
    }
    const Json& refusals = kinds(fields, "refusals");
    Fields reasons(refusals, fields.path_of("refusals"));
    for (const std::string& kind : refusals.keys) {
        engine.refusals[kind] = reasons.text(kind);
        if (engine.artefacts.count(kind)) fields.refuse("refusals", kind + " is among the artefacts, too");
    }
    if (!engine.artefacts.count("onnx")) fields.refuse("artefacts", "there is no onnx");
}

EngineRecord read_engine(const Json& json, const std::string& path) {
    Fields fields(json, path);
    EngineRecord engine;
    engine.name = fields.text("name", kShort);
    fields.text("budget", kShort);
    fields.number("kept_share", 0.0, 1.0);
    fields.integer("params", 0, kMaxCount);
    fields.integer("kept_weights", 0, kMaxCount);
    fields.number("macs_per_pixel", 0.0, double(kMaxCount));
    fields.number("bytes_per_pixel", 1.0, double(kMaxCount));
    check_figures(fields, "quality");
    const Json& plan = fields.take("plan");
    if (plan.kind != Json::Kind::null) check_plan(plan, fields.path_of("plan"));
    const Json& types = fields.take("types");
    if (types.kind != Json::Kind::null) check_types(types, fields.path_of("types"));
    read_artefacts(fields, engine);
    fields.close();
    for (const char* name : kZeroCost)
        if (engine.name == name) fields.refuse("name", engine.name + " is the name of what costs nothing");
    return engine;
}

void read_engines(Fields& fields, Manifest& manifest) {
    std::set<std::string> names;
    const auto& list = fields.list("engines");
    if (list.empty() || list.size() > kMaxEngines)
        fields.refuse("engines", "expected 1.." + std::to_string(kMaxEngines) + " engines");
    for (size_t i = 0; i < list.size(); ++i) {
        manifest.engines.push_back(read_engine(list[i], fields.path_of("engines") + "[" + std::to_string(i) + "]"));
        const EngineRecord& engine = manifest.engines.back();
        if (!names.insert(engine.name).second) fields.refuse("engines", "two engines have the name " + engine.name);
    }
}

// What tells candidates of regions apart, of which this library makes no use: it restores with one engine.
struct Estimating {
    std::vector<std::string> candidates;  // by ascending cost
    std::vector<std::string> entries;
    bool together = false;  // all candidates but the last may be in one artefact, and no engines of their own
};

Estimating read_estimator(const Json& json, const std::string& path) {
    Fields fields(json, path);
    Estimating found;
    const bool classifies = fields.choice("kind", {"luma-distances", "luma-quadratic", "luma-classes"}) == "luma-classes";
    found.entries.push_back(fields.text("entry", kLongest));
    found.candidates = fields.texts("candidates", kMaxCandidates);
    const bool dense = fields.boolean("dense");
    for (int side : fields.pair("region", kLeastRegion, kMostRegion))
        if (side % 4) fields.refuse("region", "expected multiples of 4");
    const double beta = fields.number("beta", 0.0, kMostBeta), beta_engines = fields.number("beta_engines", 0.0, kMostBeta);
    if (classifies && (dense || beta > 0 || beta_engines > 0))
        fields.refuse("kind", "a classifier has no error of the dense network, and no beta");
    fields.number("budget", 0.0, 1.0);
    check_figures(fields, "quality");
    const Json& artefacts = kinds(fields, "artefacts");
    for (const Json& item : artefacts.items) {
        Fields artefact(item, fields.path_of("artefacts"));
        found.entries.push_back(artefact.text("entry", kLongest));
        artefact.close();
    }
    fields.close();
    const std::set<std::string> names(found.candidates.begin(), found.candidates.end());
    if (names.size() < 2 || names.size() != found.candidates.size())
        fields.refuse("candidates", "expected at least two, each once");
    found.together = !artefacts.items.empty();
    return found;
}

std::vector<Estimating> read_estimators(Fields& fields) {
    std::vector<Estimating> found;
    for (const Json& json : fields.list("estimators")) found.push_back(read_estimator(json, fields.path_of("estimators[0]")));
    if (found.size() > 1) fields.refuse("estimators", "expected at most one");
    return found;
}

// Their candidates and entries are the bundle's.
void check_estimators(Fields& fields, const std::vector<Estimating>& estimators, const std::map<std::string, double>& costs,
                      const Manifest& manifest) {
    for (const Estimating& estimator : estimators) {
        double last = 0.0;
        for (const std::string& name : estimator.candidates) {
            const auto cost = costs.find(name);
            if (cost == costs.end()) fields.refuse("estimators", name + " is no candidate");
            if (cost->second < last) fields.refuse("estimators", "its candidates are not in the order of their costs");
            last = cost->second;
        }
        for (const std::string& entry : estimator.entries)
            if (!manifest.entries.count(entry)) fields.refuse("estimators", entry + " is not among the entries");
    }
}

// Costs by name.
std::map<std::string, double> check_candidates(Fields& fields, const Manifest& manifest,
                                               const std::vector<Estimating>& estimators) {
    const std::string zero = manifest.io.task == "sr" ? kZeroCost[0] : kZeroCost[1];
    std::set<std::string> engines;
    std::map<std::string, double> costs;
    for (const EngineRecord& engine : manifest.engines) engines.insert(engine.name);
    for (const Estimating& estimator : estimators)
        if (estimator.together) engines.insert(estimator.candidates.begin(), estimator.candidates.end());
    const auto& list = fields.list("candidates");
    if (list.size() > kMaxCandidates)
        fields.refuse("candidates", "expected at most " + std::to_string(kMaxCandidates) + " of them");
    for (size_t i = 0; i < list.size(); ++i) {
        Fields candidate(list[i], fields.path_of("candidates") + "[" + std::to_string(i) + "]");
        const std::string name = candidate.text("name", kShort);
        const double cost = candidate.number("cost", 0.0, name == zero ? 0.0 : 1.0);
        check_figures(candidate, "quality");
        candidate.close();
        if (name != zero && !engines.count(name)) candidate.refuse("name", "there is no engine " + name);
        if (!costs.emplace(name, cost).second) candidate.refuse("name", name + " appears twice");
    }
    return costs;
}

void read_entries(Fields& fields, Manifest& manifest) {
    const Json& entries = fields.mapping("entries");
    for (size_t i = 0; i < entries.keys.size(); ++i) {
        Fields entry(entries.items[i], fields.path_of("entries") + "." + entries.keys[i].substr(0, 80));
        Entry& known = manifest.entries[entries.keys[i]];
        known.sha256 = entry.sha256("sha256");
        known.bytes = uint64_t(entry.integer("bytes", 0, kMaxCount));
        entry.close();
    }
    for (const EngineRecord& engine : manifest.engines)
        for (const auto& [kind, entry] : engine.artefacts)
            if (!manifest.entries.count(entry))
                fields.refuse("engines", "engine " + engine.name + ": its entry " + entry + " is not among the entries");
}

}  // namespace

Manifest read_manifest(const Json& json) {
    Fields fields(json, "manifest");
    require_schema(fields);
    Manifest manifest;
    fields.text("slsc_version", kShort);
    check_source(fields.take("source"), "manifest.source");
    manifest.io = read_io(fields.take("io"), "manifest.io");
    manifest.tile = read_tile(fields.take("tile"), "manifest.tile");
    read_engines(fields, manifest);
    const std::vector<Estimating> estimators = read_estimators(fields);
    const std::map<std::string, double> costs = check_candidates(fields, manifest, estimators);
    read_entries(fields, manifest);
    check_estimators(fields, estimators, costs, manifest);
    fields.close();
    return manifest;
}

}  // namespace slsc
