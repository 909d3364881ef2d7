// Runs an engine row by row on an image that is whole in memory: what slsc_run does, by slsc_run_rows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "slsc/native.h"

// Planar images, of which exactly the rows asked for are read and written.
struct ImageInMemory {
    int channels, height, width;
    std::vector<float> pixels;

    float* row(int channel, int y) { return pixels.data() + (size_t(channel) * height + y) * width; }
};

struct Rows {
    ImageInMemory input, output;

    slsc_status run(slsc_engine* engine) { return slsc_run_rows(engine, input.height, input.width, read, write, this); }

private:
    static int read(void* of, int first, int rows, float* to) {
        ImageInMemory& image = static_cast<Rows*>(of)->input;
        for (int channel = 0; channel < image.channels; ++channel, to += size_t(rows) * image.width)
            std::copy_n(image.row(channel, first), size_t(rows) * image.width, to);
        return 0;
    }

    static int write(void* of, int first, int rows, const float* from) {
        ImageInMemory& image = static_cast<Rows*>(of)->output;
        for (int channel = 0; channel < image.channels; ++channel, from += size_t(rows) * image.width)
            std::copy_n(from, size_t(rows) * image.width, image.row(channel, first));
        return 0;
    }
};
