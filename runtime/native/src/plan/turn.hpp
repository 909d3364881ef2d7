// Turning a plan's axes. Images leave from top to bottom, and the engine finishes one column after the other: so inside it every
// image lies on its side. What the file and the C interface call rows are columns there, and columns are rows.
#pragma once

#include "plan/plan.hpp"

namespace slsc {

// Exchanges height and width in the parameters of all operations. Arrays stay as the file has them, and so does the order of what is
// shuffled; conv/weights.cpp and the kernels read them accordingly.
void turn(Plan& plan);

Op turned(Op op);

}  // namespace slsc
