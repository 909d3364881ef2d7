"""Why a network with control flow is not taken, and what to do about it."""

from __future__ import annotations

import onnx

from slsc.errors import ModelError
from slsc.passes.graph import fed_inputs, input_dependent, label

CONTROL_FLOW = frozenset({"If", "Loop", "Scan", "SequenceMap"})

TRACE = "export it by tracing: torch.onnx.export of the module itself, not of torch.jit.script of it"


def refusal(node: onnx.NodeProto, model: onnx.ModelProto) -> ModelError:
    """The error for a node of `CONTROL_FLOW`. An If of a condition on the image's size is decided by fixing that."""
    what = f"control flow ({node.op_type}) is not supported"
    if node.op_type != "If":
        return ModelError(what, where=label(node), why="the search needs one fixed sequence of nodes", hint=TRACE)
    if node.input[0] in input_dependent(model):
        return ModelError(what, where=label(node), why="its condition depends on the image's pixels", hint=TRACE)
    image = next((value.name for value in fed_inputs(model)), "NAME")
    fix = (
        "python -m onnxruntime.tools.make_dynamic_shape_fixed "
        f"--input_name {image} --input_shape 1,3,256,256 IN.onnx OUT.onnx"
    )
    why = "its condition depends on the image's size"
    return ModelError(what, where=label(node), why=why, hint=f"{TRACE}; or fix the size, which decides it: {fix}")
