// All that the translation unit of one instruction set includes from outside its namespace.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "conv/dense.hpp"
#include "conv/few_outputs.hpp"
#include "conv/folded_bytes.hpp"
#include "conv/folded_pair.hpp"
#include "conv/geometry.hpp"
#include "conv/packed_conv.hpp"
#include "conv/packed_tiles.hpp"
#include "conv/taps.hpp"
#include "kernels/kernels.hpp"
#include "ops/resize_axis.hpp"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif
#if defined(__ARM_NEON)
#include <arm_neon.h>
#endif
