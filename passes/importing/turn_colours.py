"""Networks whose picture has its colours the other way round than their input."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from slsc.passes.base import Pass, PassContext, PassResult, PostconditionError, copy_of
from slsc.passes.graph import image_input, rename_tensor

NAME = "turn-colours"


class TurnColours(Pass):
    """Red, green, blue put out -> blue, green, red, and the other way round; the output keeps its name."""

    name = NAME
    preserves_function = False

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Write a Gather of the output's channels at the end."""
        _, output = image_input(model)
        result = copy_of(model)
        turned, order = f"{output}.turned", f"{output}.order"
        rename_tensor(result, output, turned)
        result.graph.initializer.append(numpy_helper.from_array(np.array([2, 1, 0], np.int64), order))
        result.graph.node.append(helper.make_node("Gather", [turned, order], [output], NAME, axis=1))
        return PassResult(result, True, {"turned": output})

    def ensures(self, model: onnx.ModelProto, context: PassContext) -> None:
        """The output is the turned one."""
        if model.graph.node[-1].output[0] != image_input(model)[1]:
            raise PostconditionError("the turned picture is not the output", where=model.graph.node[-1].output[0])


def turns_colours(model: onnx.ModelProto) -> bool:
    """Whether `TurnColours` was applied to a graph."""
    return any(node.name == NAME for node in model.graph.node)
