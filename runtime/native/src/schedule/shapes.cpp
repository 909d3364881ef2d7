#include "schedule/shapes.hpp"

#include <cstdint>

namespace slsc {
namespace {

constexpr int kMaxSide = 1 << 16;

struct Window {
    int kernel, stride, before, after, dilation;
    bool ceil;
};

// Positions of a window along `size` pixels; 0 when it does not fit.
int64_t windows(int size, const Window& w) {
    const int64_t room = int64_t(size) + w.before + w.after - int64_t(w.dilation) * (w.kernel - 1) - 1;
    if (room < 0) return 0;
    int64_t count = (room + (w.ceil ? w.stride - 1 : 0)) / w.stride + 1;
    // A window that would start in the padding after the image does not count.
    if (w.ceil && (count - 1) * w.stride >= int64_t(size) + w.before) --count;
    return count;
}

// Output of a strided window op; -1 rows when strips cannot be cut by the stride.
bool strided(const Shape& in, const Window& down, const Window& across, int64_t& height, int64_t& width, int64_t& rows) {
    height = windows(in.height, down);
    width = windows(in.width, across);
    rows = in.rows / down.stride;
    return in.rows % down.stride == 0;
}

bool same_place(const Shape& a, const Shape& b) {
    return a.height == b.height && a.width == b.width && a.rows == b.rows && a.pixel == b.pixel;
}

struct Inference {
    const Shape &in0, *in1;
    const Op& op;
    int64_t height, width, rows;
    bool pixel;

    const char* conv() {
        const int32_t* p = op.p;
        const bool point = p[2] == 1 && p[3] == 1 && p[4] == 1 && p[5] == 1 && !p[6] && !p[7] && !p[8] && !p[9];
        if (in0.pixel && !(point && p[15] == 1)) return "a window over a single pixel";
        if (!strided(in0, {p[2], p[4], p[6], p[8], p[10], false}, {p[3], p[5], p[7], p[9], p[11], false}, height, width, rows))
            return "strips cannot be cut by the stride";
        height *= p[15], width *= p[15], rows *= p[15];
        return nullptr;
    }

    const char* pool() {
        const int32_t* p = op.p;
        if (in0.pixel) return "a window over a single pixel";
        if (!strided(in0, {p[2], p[4], p[6], p[8], 1, p[10] != 0}, {p[3], p[5], p[7], p[9], 1, p[10] != 0}, height, width, rows))
            return "strips cannot be cut by the stride";
        return nullptr;
    }

    const char* resize() {
        if (op.p[3] == 0) {
            height = in1->height, width = in1->width, rows = in1->rows, pixel = in1->pixel;
            return nullptr;
        }
        if (in0.pixel) return "a single pixel is resized by a factor";
        const int up = op.p[3], down = op.p[4];
        height = height * up / down, width = width * up / down;
        if (rows * up % down) return "strips cannot be cut by the scale";
        rows = rows * up / down;
        return nullptr;
    }

    const char* pad() {
        if (in0.pixel) return "a single pixel is padded";
        const int parts = op.p[10];
        if (parts) {
            if (in0.height % parts || in0.width % parts) return "the size is no multiple of its parts";
            const int64_t left = parts + op.p[6] + op.p[8];
            if (left < 1 || parts + op.p[7] + op.p[9] < 1) return "nothing is left of the image";
            if (rows * left % parts) return "strips cannot be cut into parts";
            rows = rows * left / parts;
        }
        const int top = pad_amount(op, 0, in0.height), bottom = pad_amount(op, 2, in0.height);
        const int before = pad_amount(op, 1, in0.width), after = pad_amount(op, 3, in0.width);
        height += top + bottom, width += before + after;
        const bool reflect = op.p[1] == 1;
        if (reflect && (top >= in0.height || bottom >= in0.height || before >= in0.width || after >= in0.width))
            return "the image is too small to be mirrored";
        return nullptr;
    }

    const char* infer() {
        switch (op.type) {
            case OpType::Conv: return conv();
            case OpType::Pool: return pool();
            case OpType::Resize: return resize();
            case OpType::Pad: return pad();
            case OpType::GlobalMean: height = width = rows = 1, pixel = true; return nullptr;
            case OpType::DepthToSpace:
                if (in0.pixel) return "a single pixel is shuffled";
                height *= op.p[1], width *= op.p[1], rows *= op.p[1];
                return nullptr;
            case OpType::SpaceToDepth:
                if (in0.pixel) return "a single pixel is shuffled";
                if (height % op.p[1] || width % op.p[1]) return "the size is no multiple of the block";
                if (rows % op.p[1]) return "strips cannot be cut by the block";
                height /= op.p[1], width /= op.p[1], rows /= op.p[1];
                return nullptr;
            case OpType::Binary: case OpType::Unary: case OpType::ChannelMean: return nullptr;
        }
        return "unknown operation";
    }
};

// Whether the second input lies as the operation needs it.
bool fits(const Op& op, const Shape& in0, const Shape& out, const Shape& in1) {
    if (op.type == OpType::Conv) return op.p[14] == 0 || same_place(out, in1);
    if (op.type != OpType::Binary) return true;
    return Spread(op.p[2]) == Spread::Pixel ? in1.pixel : same_place(in0, in1);
}

std::string at(size_t op, const std::string& why) { return "operation " + std::to_string(op) + ": " + why; }

// Shapes for strips of `rows` rows of the image. `longer`: set when strips turned out too short for some value.
bool infer_with(const Plan& plan, int lanes, Shape image, std::vector<Shape>& shapes, bool& longer, std::string& error) {
    shapes.assign(plan.values.size(), Shape{});
    shapes[plan.header.input] = image;
    longer = false;
    for (size_t i = 0; i < plan.ops.size(); ++i) {
        const Op& op = plan.ops[i];
        const Shape& in0 = shapes[op.in[0]];
        const Shape* in1 = op.in[1] >= 0 ? &shapes[op.in[1]] : nullptr;
        Inference found{in0, in1, op, in0.height, in0.width, in0.rows, in0.pixel};
        if (const char* why = found.infer()) return error = at(i, why), false;
        if (found.height < 1 || found.width < 1) return error = at(i, "the image is too small"), false;
        if (found.height > kMaxSide || found.width > kMaxSide) return error = at(i, "the image is too large"), false;
        const Shape out{int(plan.values[op.out].channels), int(found.height), int(found.width), int(found.rows), found.pixel};
        longer |= int64_t(out.rows) * lanes < out.height;
        if (in1 && !fits(op, in0, out, *in1)) return error = at(i, "its two inputs differ in size"), false;
        Shape& held = shapes[op.out];
        if (held.channels && !same_place(held, out)) return error = at(i, "parts of one value differ in size"), false;
        held = out;
    }
    return true;
}

}  // namespace

bool infer_shapes(const Plan& plan, int lanes, int height, int width, std::vector<Shape>& shapes, std::string& error) {
    if (height < 1 || width < 1 || height > kMaxSide || width > kMaxSide)
        return error = "image sides must be in 1.." + std::to_string(kMaxSide), false;
    const int align = int(plan.header.row_align);
    int rows = ((height + lanes - 1) / lanes + align - 1) / align * align;
    for (int tries = 0; tries < 64; ++tries, rows += align) {
        const Shape image{int(plan.values[plan.header.input].channels), height, width, rows, false};
        bool longer = false;
        if (!infer_with(plan, lanes, image, shapes, longer, error)) return false;
        if (!longer) return true;
    }
    error = "padding outgrows the image";
    return false;
}

}  // namespace slsc
