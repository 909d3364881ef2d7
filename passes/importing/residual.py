"""Networks that put out what is wrong with their input, made to put out the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from slsc.errors import ModelError
from slsc.passes.base import Pass, PassContext, PassResult, PostconditionError, copy_of
from slsc.passes.graph import image_input, initializers, producers, rename_tensor

NAME = "restore-from-residual"


class RestoreFromResidual(Pass):
    """output -> input + factor * (output - grey), channel by channel: the network is a restorer afterwards.

    1. Factors of 1 add the output to the input, those of -1 subtract it. Others stand for ranges of input and output
       that differ: white minus black of the input over that of the output, with the sign; a multiplication is written
       for them.
    2. A grey of 0 is not written.
    3. What is added or subtracted keeps its name with a suffix; the picture gets the name of the output.

    Args:
        factors: one a channel, all of one sign.
        grey: output that stands for no difference.
    """

    name = NAME
    preserves_function = False

    def __init__(self, factors: Sequence[float], grey: float = 0.0) -> None:
        self._factors, self._grey = tuple(factors), grey

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply the rules to the image output.

        Raises:
            ModelError: the output is the input.
        """
        image, output = image_input(model)
        if output not in producers(model):
            raise ModelError("the network's output is its input", where=output)
        result = copy_of(model)
        residual = f"{output}.residual"
        rename_tensor(result, output, residual)
        if self._grey:  # rule 2
            centred, grey = f"{residual}.centred", f"{residual}.grey"
            result.graph.initializer.append(numpy_helper.from_array(np.array(self._grey, np.float32), grey))
            result.graph.node.append(helper.make_node("Sub", [residual, grey], [centred], f"{NAME}.centre"))
            residual = centred
        sizes = {abs(factor) for factor in self._factors}
        if sizes != {1.0}:  # rule 1
            scaled, factor = f"{residual}.scaled", f"{residual}.factor"
            values = np.abs(np.array(self._factors, np.float32)).reshape(1, -1, 1, 1)
            result.graph.initializer.append(numpy_helper.from_array(values, factor))
            result.graph.node.append(helper.make_node("Mul", [residual, factor], [scaled], f"{NAME}.scale"))
            residual = scaled
        operator = "Sub" if self._factors[0] < 0 else "Add"
        result.graph.node.append(helper.make_node(operator, [image, residual], [output], NAME))
        report = {"written": f"{operator} {output!r}", "factors": list(self._factors), "grey": self._grey}
        return PassResult(result, True, report)

    def ensures(self, model: onnx.ModelProto, context: PassContext) -> None:
        """The picture is made by the last node."""
        if model.graph.node[-1].output[0] != image_input(model)[1]:
            raise PostconditionError("the picture is not the output", where=model.graph.node[-1].output[0])


def residual_written(model: onnx.ModelProto) -> RestoreFromResidual | None:
    """The pass as it wrote a residual into a graph; None where it did not."""
    written = {node.name: node for node in model.graph.node if node.name.startswith(NAME)}
    last = written.get(NAME)
    if last is None:
        return None
    held = initializers(model)

    def constant(part: str, absent: float) -> npt.NDArray[Any]:
        node = written.get(f"{NAME}.{part}")
        return np.array(absent) if node is None else held[node.input[1]]

    sign = -1.0 if last.op_type == "Sub" else 1.0
    factors = tuple(sign * float(value) for value in constant("scale", 1.0).ravel())
    return RestoreFromResidual(factors, float(constant("centre", 0.0)))
