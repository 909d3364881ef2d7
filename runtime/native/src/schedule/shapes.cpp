#include "schedule/shapes.hpp"

#include <string>

#include "ops/spec.hpp"
#include "plan/arrays.hpp"
#include "support/error.hpp"

namespace slsc {
namespace {

constexpr int kMaxSide = 1 << 16, kTries = 64;

[[noreturn]] void refuse(const std::string& why) { throw Error(SLSC_BAD_SIZE, why); }

// See Shape::channels.
int planes_of(int channels, Layout layout, int lanes) {
    switch (layout) {
        case Layout::Bytes: return lanes * packed_blocks(channels, 1, lanes);
        case Layout::Halves: return lanes * packed_blocks(channels, 2, lanes);
        case Layout::ByPixel: return lanes * pixel_blocks(channels, lanes);
        default: return channels;
    }
}

// Shapes for strips of `image.rows` rows of the image; empty when they turned out too short for some value.
std::vector<Shape> shapes_with(const Program& program, const Shape& image) {
    const Plan& plan = *program.plan;
    std::vector<Shape> shapes(program.values.size());
    shapes[plan.header.input] = image;
    bool longer = false;
    for (const Node& node : program.nodes) {
        const Op& op = node.op;
        const auto no = [&](const std::string& why) { refuse("operation " + std::to_string(node.source) + ": " + why); };
        const Shape& in0 = shapes[op.in[0]];
        Extent found{in0.height, in0.width, in0.rows, in0.pixel};
        if (const char* why = spec_of(op.type).shape(op, in0, op.in[1] >= 0 ? &shapes[op.in[1]] : nullptr, found)) no(why);
        if (found.height < 1 || found.width < 1) no("the image is too small");
        if (found.height > kMaxSide || found.width > kMaxSide) no("the image is too large");
        // Strips are aligned before they are scaled, so they may outgrow the value that they cut up.
        if (found.rows > kMaxSide) no("its strips are too long");
        longer |= found.rows * program.lanes() < found.height;
        each_made(node, [&](int value) {
            const Shape& held = shapes[value];
            if (held.channels && !same_size(found, held)) no("parts of one value differ in size");
            const Layout layout = program.layout(value);
            shapes[value] = {planes_of(int(program.values[value].channels), layout, program.lanes()),
                             int(found.height),
                             int(found.width),
                             int(found.rows),
                             found.pixel,
                             int(found.rows),
                             layout};
        });
    }
    return longer ? std::vector<Shape>{} : shapes;
}

}  // namespace

std::vector<Shape> infer_shapes(const Program& program, int height, int width) {
    if (height < 1 || width < 1 || height > kMaxSide || width > kMaxSide)
        refuse("image sides must be in 1.." + std::to_string(kMaxSide));
    const Header& header = program.plan->header;
    const int channels = int(program.values[header.input].channels), align = int(header.row_align), lanes = program.lanes();
    int rows = ((height + lanes - 1) / lanes + align - 1) / align * align;
    for (int tries = 0; tries < kTries; ++tries, rows += align) {
        std::vector<Shape> shapes = shapes_with(program, {channels, height, width, rows, false, rows, Layout::Strips});
        if (!shapes.empty()) return shapes;
    }
    refuse("padding outgrows the image");
}

}  // namespace slsc
