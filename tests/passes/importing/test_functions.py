"""Functions a file brings along are inlined."""

from __future__ import annotations

import onnx
from onnx import helper

from slsc.passes.graph import initializers
from slsc.passes.importing.import_model import import_model

NET = "net (float[n,3,h,w] x) => (float[n,3,H,W] y)"


def test_functions_of_the_file_are_inlined(build):
    body = helper.make_function(
        "torch", "Block", ["a", "w"], ["b"],
        [helper.make_node("Conv", ["a", "w"], ["c"]), helper.make_node("Relu", ["c"], ["b"])],
        [helper.make_opsetid("", 17)],
    )  # fmt: skip
    model = build(f"{NET} {{ y = Relu(x) }}", k=(3, 3, 1, 1))
    model.functions.append(body)
    model.opset_import.append(helper.make_opsetid("torch", 1))
    model.graph.node[0].CopyFrom(helper.make_node("Block", ["x", "k"], ["y"], domain="torch"))
    onnx.checker.check_model(model)
    result = import_model(model)
    assert [node.op_type for node in result.model.graph.node] == ["Conv", "Relu"]
    assert result.report["inline-functions"]["inlined"] == ["torch:Block"]
    assert "k" in initializers(result.model)
