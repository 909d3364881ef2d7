// Small plans, made in memory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "program/program.hpp"

namespace networks {

// Operations one after the other; a new value for each result unless another is named.
class Sketch {
public:
    explicit Sketch(int channels);

    // Each gives the value it writes.
    int conv(int from, int made, int kernel, int stride = 1, int shuffle = 1);
    int add_to(int from, int kernel, int other);  // conv(from) + other
    int pool(int from, int kernel, int stride);
    int global_mean(int from);
    int resize(int from, int up, int down);
    int resize_like(int from, int like);
    int relu(int from);
    int times_pixel(int from, int pixel);
    // Writes the results of two convolutions side by side.
    int join(int a, int b, int made);

    std::shared_ptr<const slsc::Program> program(int output) const;

private:
    int channels(int value) const { return int(plan_.values[value].channels); }
    int value(int channels);
    int array(int floats);
    slsc::Op& op(slsc::OpType type, int from, int out);
    slsc::Op& conv_op(int from, int out, int made, int kernel, int stride, int shuffle);

    slsc::Plan plan_;
};

struct Network {
    std::string name;
    std::shared_ptr<const slsc::Program> program;
};

// Of every way in which operations hang on each other's columns.
std::vector<Network> all();

}  // namespace networks
