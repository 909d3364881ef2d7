// What the engine must know of an operation besides its kernel: one file of this folder and one row of table.cpp each.
#pragma once

#include <cstdint>

#include "memory/layout.hpp"
#include "ops/check.hpp"
#include "plan/ops.hpp"

namespace slsc {

// Channels an operation reads from each input and writes.
struct Channels {
    int in0, in1, out;
};

// The size of a value that is being found out.
struct Extent {
    int64_t height, width;
    int64_t rows;  // of a strip
    bool pixel;
};

// Arrays of float32 that kernels read; -1: none.
struct OpArrays {
    int32_t bias = -1, scale = -1, shift = -1;
};

struct Columns {
    int first, end;
};

static inline Columns either(Columns a, Columns b) {
    return {a.first < b.first ? a.first : b.first, a.end > b.end ? a.end : b.end};
}

struct OpSpec {
    const char* name;
    uint32_t param_bytes;
    bool activates;  // act may be other than None

    // The parameters' own bounds, the arrays, and whether there is a second input.
    void (*check)(const OpCheck&);

    Channels (*channels)(const Op&);

    // Makes `out`, which comes as the first input's size, the output's. Returns null, or why there is none.
    const char* (*shape)(const Op&, const Shape& in0, const Shape* in1, Extent& out);

    // Columns of input `input` (of shape `in`) that column x of the output reads, within [0, in.width]. Neither end becomes
    // less as x grows; where the operation reads backwards, both are those of the columns around. Of an input that is not read at
    // all: from in.width to 0. Null: column x.
    Columns (*reads)(const Op&, int input, const Shape& in, const Shape& out, int x);

    // Output columns are made in multiples of this. Null: 1.
    int (*unit)(const Op&, const Shape& out);

    // The input in whose place the result may lie, because each of its elements is read last where the result is written; -1 for
    // none. Null: none.
    int (*in_place)(const Op&);

    bool waits;  // for the whole width of its input

    // Null: none.
    OpArrays (*arrays)(const Op&);

    // Whether it can read numbers of one type first and write those of the other. Null: of F32 both.
    bool (*types)(DType in, DType out) = nullptr;
};

// `type`: one of OpType, as of all operations of a plan.
const OpSpec& spec_of(OpType type);

// Null for a type that this engine does not know.
const OpSpec* find_spec(uint32_t type);

inline Channels channels_of(const Op& op) { return spec_of(op.type).channels(op); }

Columns columns_read(const Op& op, int input, const Shape& in, const Shape& out, int x);

// [first, end), cut to the columns there are.
Columns within(const Shape& in, int first, int end);

// Whether two values are of one size.
bool same_size(const Extent& a, const Shape& b);

// A window along one axis of an image.
struct Window {
    int kernel, stride, before, after, dilation;
    bool ceil;
};

// The size of what strided windows make; false when strips cannot be cut by the stride.
bool strided(const Shape& in, const Window& down, const Window& across, Extent& out);

}  // namespace slsc
