"""Moving Transposes towards the output, until they meet their inverse."""

from __future__ import annotations

import onnx

from slsc.passes.analysis.shapes import concrete_shapes, sample_size
from slsc.passes.base import Pass, PassContext, PassResult, copy_of
from slsc.passes.graph import drop_unused, hold_constants, image_dependent
from slsc.passes.importing.identity import RemoveIdentities
from slsc.passes.importing.transposed_nodes import Sinking


class SinkTransposes(Pass):
    """Transpose . f . Transpose -> f, where f works on every value alone or along axes.

    1. A Transpose is not carried out where it stands. What uses its result works on its input, with constants, axes
       and the like permuted, for as long as that is possible, and the Transpose comes after.
    2. Transposes that meet become one, or none.
    3. A weight that multiplies the last axis, where channels are last, becomes that of a 1x1 convolution.
    4. The result is kept if it has fewer Transposes of what depends on the image.
    """

    name = "sink-transposes"

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply the rules to the whole graph."""
        before = _transposes(model)
        if not before:
            return PassResult(model, False, {"transposes": 0})
        result = copy_of(model)
        hold_constants(result)
        shapes = concrete_shapes(result, sample_size(result))
        work = Sinking(result, shapes, image_dependent(result))
        for node in list(result.graph.node):
            work.visit(node)
        work.write()
        result = RemoveIdentities().run(result, context).model
        drop_unused(result)
        after = _transposes(result)
        if after >= before:
            return PassResult(model, False, {"transposes": before})
        return PassResult(result, True, {"transposes": after, "transposes_before": before})


def _transposes(model: onnx.ModelProto) -> int:
    moving = image_dependent(model)
    return sum(node.op_type == "Transpose" and node.input[0] in moving for node in model.graph.node)
