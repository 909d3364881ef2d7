#include "plan/check.hpp"

#include <bitset>
#include <cmath>
#include <iterator>

#include "plan/channel_ranges.hpp"

namespace slsc {
namespace {

// Bounds that keep every later product far from overflow, and a small file from asking for gigabytes.
constexpr int kMaxChannels = 1 << 14;
constexpr int kMaxKernel = 64, kMaxStride = 16, kMaxDilation = 64, kMaxReach = 128, kMaxPad = 1 << 12;
constexpr int kMaxUses = 64;  // of each weight, on average: recursive networks share them
constexpr int kMaxShuffle = 16, kMaxScale = 64, kMaxRowAlign = 1 << 10, kMaxGroup = 256;

void require(bool good, const std::string& why) {
    if (!good) throw BadPlan(why);
}

// Checks one operation. Messages read "operation 3 (Conv): p[12] ...".
class OpCheck {
public:
    OpCheck(const Plan& plan, size_t index) : plan_(plan), op_(plan.ops[index]), index_(index) {}

    void fields() {
        in("type", int64_t(op_.type), int64_t(OpType::Conv), int64_t(OpType::ChannelMean));
        in("act", int64_t(op_.act), 0, int64_t(Act::Sqrt));
        param(0, "channels", 1, kMaxChannels);
        switch (op_.type) {
            case OpType::Conv: conv(); break;
            case OpType::Binary: binary(); break;
            case OpType::Unary: unary(); break;
            case OpType::Pool: pool(); break;
            case OpType::Resize: resize(); break;
            case OpType::Pad: pad(); break;
            case OpType::DepthToSpace: depth_to_space(); break;
            case OpType::SpaceToDepth: space_to_depth(); break;
            case OpType::GlobalMean: case OpType::ChannelMean: plain(1); break;
        }
        activation();
    }

    // After `fields`: the channels read exist and were written, the channels written exist and were not.
    void order(std::vector<Written>& written) {
        const Channels channels = channels_of(op_);
        const int reads[2] = {channels.in0, channels.in1};
        for (int i = 0; i < 2; ++i) {
            if (i == 1 && op_.in[1] == -1) continue;
            const std::string name = "in[" + std::to_string(i) + "]";
            const int end = range(name, op_.in[i], op_.in_channel[i], reads[i]);
            good(written[op_.in[i]].covers(op_.in_channel[i], end), name + " is read before it is written");
        }
        const int end = range("out", op_.out, op_.out_channel, channels.out);
        good(uint32_t(op_.out) != plan_.header.input, "out is the image");
        good(written[op_.out].add(op_.out_channel, end), "out is written twice");
    }

    // Of a convolution, once checked: lists as long are built from them.
    int64_t weights() const { return weights_; }

private:
    void good(bool good, const std::string& why) const {
        if (!good) throw BadPlan("operation " + std::to_string(index_) + " (" + name() + "): " + why);
    }

    const char* name() const {
        static const char* const names[] = {"Conv", "Binary", "Unary", "Pool", "GlobalMean", "Resize", "Pad",
                                            "DepthToSpace", "SpaceToDepth", "ChannelMean"};
        const uint32_t type = uint32_t(op_.type) - 1;
        return type < std::size(names) ? names[type] : "unknown";
    }

    void in(const std::string& field, int64_t value, int64_t low, int64_t high) const {
        good(value >= low && value <= high, field + " is " + std::to_string(value) + ", not in " + std::to_string(low) +
                                                ".." + std::to_string(high));
    }

    void param(int i, const char* what, int low, int high) const {
        in("p[" + std::to_string(i) + "], " + what + ",", op_.p[i], low, high);
    }

    void params(int first, int last, const char* what, int low, int high) const {
        for (int i = first; i <= last; ++i) param(i, what, low, high);
    }

    // Fields past the operation's own must be empty, so that later versions may give them a meaning.
    void rest_empty(int used_params) const {
        for (int i = used_params; i < 16; ++i) param(i, "unused", 0, 0);
    }

    void no_array(int i) const { good(op_.array[i] == -1, "array[" + std::to_string(i) + "] must be -1"); }
    void no_second_input() const { good(op_.in[1] == -1, "in[1] must be -1"); }

    int range(const std::string& field, int32_t value, int32_t first, int count) const {
        in(field, value, 0, int64_t(plan_.values.size()) - 1);
        in(field + "'s first channel", first, 0, int64_t(plan_.values[value].channels) - count);
        return first + count;
    }

    const Array& array(int i, int64_t bytes) const {
        const std::string field = "array[" + std::to_string(i) + "]";
        in(field, op_.array[i], 0, int64_t(plan_.arrays.size()) - 1);
        const Array& array = plan_.arrays[op_.array[i]];
        good(array.bytes == uint64_t(bytes),
             field + " has " + std::to_string(array.bytes) + " bytes where " + std::to_string(bytes) + " are needed");
        return array;
    }

    void floats(int i, int64_t count) const {
        array(i, count * int64_t(sizeof(float)));
        const float* value = plan_.floats(op_.array[i]);
        for (int64_t k = 0; k < count; ++k)
            good(std::isfinite(value[k]), "array[" + std::to_string(i) + "] is not finite at " + std::to_string(k));
    }

    void optional_floats(int i, int64_t count) const {
        if (op_.array[i] != -1) floats(i, count);
    }

    void plain(int used_params) const {
        no_second_input();
        rest_empty(used_params);
        for (int i = 0; i < 3; ++i) no_array(i);
    }

    void conv() {
        const int32_t* p = op_.p;
        param(1, "channels made", 1, kMaxChannels);
        params(2, 3, "kernel", 1, kMaxKernel);
        params(4, 5, "stride", 1, kMaxStride);
        params(6, 9, "padding", 0, kMaxReach);
        params(10, 11, "dilation", 1, kMaxDilation);
        for (int i = 0; i < 2; ++i)
            in("reach of the kernel", int64_t(p[2 + i] - 1) * p[10 + i] + 1, 1, kMaxReach);
        param(12, "groups", 1, p[0]);
        good(p[0] % p[12] == 0 && p[1] % p[12] == 0, "p[12], groups, does not divide the channels");
        param(13, "n", 0, int(plan_.header.m));
        param(14, "combine", 0, int(Combine::ActThenMul));
        param(15, "shuffle", 1, kMaxShuffle);
        good(p[1] % (p[15] * p[15]) == 0, "p[15], shuffle, squared does not divide the channels made");
        if (Combine(p[14]) == Combine::None) no_second_input();
        else in("in[1]", op_.in[1], 0, int64_t(plan_.values.size()) - 1);
        if (p[13] == 0 || p[13] == int(plan_.header.m)) {
            weights_ = int64_t(p[1]) * (p[0] / p[12]) * p[2] * p[3];
            floats(0, weights_);
            no_array(1);
        } else {
            sparse();
        }
        optional_floats(2, p[1]);
    }

    // Sizes of the rank-major arrays, and positions: within the group and distinct.
    void sparse() {
        const int n = op_.p[13], m = int(plan_.header.m), channels = op_.p[0] / op_.p[12];
        const int groups = (channels + m - 1) / m, last_size = channels - (groups - 1) * m;
        const int last_kept = kept_in_group(n, m, last_size);
        const int64_t kernels = int64_t(op_.p[1]) * op_.p[2] * op_.p[3];
        weights_ = kernels * (int64_t(groups - 1) * n + last_kept);
        floats(0, weights_);
        array(1, weights_);
        const uint8_t* position = plan_.data(op_.array[1]);
        const auto groups_at = [&](int rank) { return rank < last_kept ? groups : groups - 1; };
        for (int64_t kernel = 0; kernel < kernels; ++kernel)
            for (int group = 0; group < groups; ++group) {
                const bool last = group == groups - 1;
                std::bitset<kMaxGroup> seen;
                int64_t rank_start = 0;
                for (int rank = 0; rank < (last ? last_kept : n); ++rank) {
                    const int at = position[rank_start + kernel * groups_at(rank) + group];
                    good(at < (last ? last_size : m), "array[1] has a position outside its group");
                    good(!seen[at], "array[1] has a position twice in a group");
                    seen[at] = true;
                    rank_start += kernels * groups_at(rank);
                }
            }
    }

    void binary() const {
        param(1, "kind", 0, int(BinaryKind::RevDiv));
        param(2, "spread", 0, int(Spread::Channel));
        in("in[1]", op_.in[1], 0, int64_t(plan_.values.size()) - 1);
        rest_empty(3);
        for (int i = 0; i < 3; ++i) no_array(i);
    }

    void unary() const {
        no_second_input();
        rest_empty(1);
        optional_floats(0, op_.p[0]);
        optional_floats(1, op_.p[0]);
        no_array(2);
    }

    void pool() const {
        plain(11);
        param(1, "kind", 0, 2);
        params(2, 3, "kernel", 1, kMaxKernel);
        params(4, 5, "stride", 1, kMaxStride);
        for (int i = 6; i <= 9; ++i) param(i, "padding", 0, op_.p[i % 2 ? 3 : 2] - 1);
        param(10, "ceil_mode", 0, 1);
    }

    void resize() const {
        param(1, "kind", 0, 2);
        param(2, "coordinates", 0, 3);
        param(5, "rounding", 0, 3);
        if (op_.p[3] == 0) {
            param(4, "denominator", 0, 0);
            in("in[1]", op_.in[1], 0, int64_t(plan_.values.size()) - 1);
        } else {
            params(3, 4, "scale", 1, kMaxScale);
            no_second_input();
        }
        rest_empty(6);
        for (int i = 0; i < 3; ++i) no_array(i);
    }

    void pad() const {
        plain(11);
        param(1, "kind", 0, 2);
        params(2, 5, "padding", -kMaxPad, kMaxPad);
        param(10, "parts", 0, kMaxScale);
        const int most = op_.p[10] ? kMaxScale : 0;
        params(6, 9, "padding in parts", -most, most);
    }

    void depth_to_space() const {
        plain(2);
        param(1, "r", 1, kMaxShuffle);
        good(op_.p[0] % (op_.p[1] * op_.p[1]) == 0, "p[1], r, squared does not divide the channels");
    }

    void space_to_depth() const {
        plain(2);
        param(1, "r", 1, kMaxShuffle);
    }

    void activation() const {
        const bool allowed = op_.type == OpType::Conv || op_.type == OpType::Binary || op_.type == OpType::Unary;
        if (!allowed) in("act", int64_t(op_.act), 0, 0);
        if (op_.act == Act::PRelu) floats(3, op_.type == OpType::Conv ? op_.p[1] : op_.p[0]);
        else no_array(3);
        if (op_.act == Act::Clip) {
            good(op_.f[2] <= op_.f[3], "f[2], the lower bound, is not below f[3]");  // infinite bounds are fine, NaN is not
            good(std::isfinite(op_.f[0]) && std::isfinite(op_.f[1]), "f is not finite");
            return;
        }
        for (float f : op_.f) good(std::isfinite(f), "f is not finite");
    }

    const Plan& plan_;
    const Op& op_;
    size_t index_;
    int64_t weights_ = 0;
};

void check_header(const Plan& plan) {
    const Header& header = plan.header;
    require(header.input < header.values, "header: input is no value");
    require(header.output < header.values, "header: output is no value");
    require(header.row_align >= 1 && header.row_align <= kMaxRowAlign, "header: row_align out of range");
    require(header.m != 1 && header.m <= kMaxGroup, "header: m out of range");
    for (size_t i = 0; i < plan.values.size(); ++i)
        require(plan.values[i].channels >= 1 && plan.values[i].channels <= kMaxChannels,
                "value " + std::to_string(i) + ": channels out of range");
    for (size_t i = 0; i < plan.arrays.size(); ++i) {
        const Array& array = plan.arrays[i];
        const std::string at = "array " + std::to_string(i);
        require(array.offset % 64 == 0, at + ": offset is no multiple of 64");
        require(array.offset <= header.blob_bytes && array.bytes <= header.blob_bytes - array.offset,
                at + ": reaches past the file's end");
    }
}

}  // namespace

void check_plan(const Plan& plan) {
    check_header(plan);
    const auto channels = [&](uint32_t value) { return int(plan.values[value].channels); };
    std::vector<Written> written(plan.values.size());
    written[plan.header.input].add(0, channels(plan.header.input));
    int64_t weights = 0;
    for (size_t i = 0; i < plan.ops.size(); ++i) {
        OpCheck check(plan, i);
        check.fields();
        check.order(written);
        weights += check.weights();
        require(weights <= int64_t(plan.header.blob_bytes / sizeof(float)) * kMaxUses,
                "operation " + std::to_string(i) + " (Conv): the file's weights are used too often");
    }
    require(written[plan.header.output].covers(0, channels(plan.header.output)), "header: output is not written whole");
}

}  // namespace slsc
