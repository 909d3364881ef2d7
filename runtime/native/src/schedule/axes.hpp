// Where pixels of a network's values lie in the image, along each axis.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "memory/layout.hpp"
#include "program/program.hpp"

namespace slsc {

// Where pixel p of a value lies along one axis of the image: at (a p + b) / c.
struct Axis {
    int64_t a = 1, b = 0, c = 1;

    // Of a value whose pixel p stands for pixel (n p + shift) / d of this one.
    Axis scaled(int64_t n, int64_t shift, int64_t d) const;

    int64_t at(int64_t p) const {
        const int64_t numerator = a * p + b;
        return numerator >= 0 ? numerator / c : -((c - 1 - numerator) / c);
    }

    // Pixels of the value in so many of the image; 0 where that is no whole number.
    int pixels(int image) const { return image * c % a == 0 ? int(image * c / a) : 0; }
};

using Axes = std::array<Axis, 2>;  // down, across

// Of what a convolution makes before its shuffle.
Axes convolved(const Axes& in, const ConvParams& p);

// By value.
std::vector<Axes> find_axes(const Program& program, const std::vector<Shape>& shapes);

}  // namespace slsc
