// All that the translation unit of one instruction set includes from outside its namespace.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/kernels.hpp"
#include "plan/resize_axis.hpp"
