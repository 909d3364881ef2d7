// How an instruction set cuts convolutions up.
#pragma once

namespace slsc {

// See kernels/taps.inl.
struct TapTuning {
    int lanes;
    int rows, columns;  // of a region
    int window_bytes;   // most that the input may take which a chunk's lists read
    bool pairs;         // two lists at once where they are equally long
};

// See kernels/dense.inl.
struct DenseTuning {
    int lanes;
    int block_rows, block_columns;  // of a register block
    int rows, columns;              // of a region: multiples of the block's
    int outputs;                    // output channels whose sums are held at once
    int block_bytes;                // most that a chunk's input of one register block may take
};

// See kernels/few_outputs.inl.
struct FewOutputsTuning {
    int lanes;
    int rows, columns;  // of a region
    int window_bytes;   // most that the rows may take which one row of a region reads
};

// See kernels/packed_conv.inl.
struct PackedTuning {
    int lanes;
    int channels;  // of a tap, by lane: 4 of bytes, 2 of halves
    int pair_sum;  // of taps that are added up faster: most that two weights side by side may come to; 0: there are none
    bool tiles = false;  // whether there are products of matrices, see conv/packed_tiles.hpp
    int registers = 1;  // vectors, one behind the other, out of which a tap picks
    bool signs = false;  // whether bytes are multiplied as numbers that are 128 less
    // Time of a tap, and of a tile for each of its pixels, over that of an FMA by taps of float32: measured, see docs/experiments.md.
    double tap_time = 1.5, tile_time = 1.0;

    int each() const { return 4 / channels; }  // bytes of a channel
    int block() const { return channels * lanes; }  // channels that fill a vector
    int reach() const { return registers * block(); }  // channels out of which a tap picks
};

struct ConvTuning {
    TapTuning taps;
    DenseTuning dense;
    FewOutputsTuning few_outputs;
    PackedTuning integers, halves;
    double tap_cost;  // time of an FMA by taps over that of a dense one
};

}  // namespace slsc
