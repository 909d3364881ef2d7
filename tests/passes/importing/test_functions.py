"""Functions a file brings along are inlined."""

from __future__ import annotations

import onnx
import pytest
from onnx import helper

from slsc.errors import ModelError
from slsc.passes.graph import initializers
from slsc.passes.importing.import_model import import_model

NET = "net (float[n,3,h,w] x) => (float[n,3,H,W] y)"


def with_function(build, made: str) -> onnx.ModelProto:
    """A network of one function, whose last node makes a tensor of that name."""
    body = helper.make_function(
        "torch", "Block", ["a", "w"], ["b"],
        [helper.make_node("Conv", ["a", "w"], ["c"]), helper.make_node("Relu", ["c"], [made])],
        [helper.make_opsetid("", 17)],
    )  # fmt: skip
    model = build(f"{NET} {{ y = Relu(x) }}", k=(3, 3, 1, 1))
    model.functions.append(body)
    model.opset_import.append(helper.make_opsetid("torch", 1))
    calls = [helper.make_node("Block", ["x", "k"], ["m"], domain="torch"), helper.make_node("Relu", ["m"], ["y"])]
    del model.graph.node[:]
    model.graph.node.extend(calls)
    return model


def test_functions_of_the_file_are_inlined(build):
    model = with_function(build, "b")
    onnx.checker.check_model(model)
    result = import_model(model)
    assert [node.op_type for node in result.model.graph.node] == ["Conv", "Relu", "Relu"]
    assert result.report["inline-functions"]["inlined"] == ["torch:Block"]
    assert "k" in initializers(result.model)


def test_functions_that_do_not_make_what_they_promise_are_refused(build):
    with pytest.raises(ModelError, match="refuses the model with its functions inlined"):
        import_model(with_function(build, "other"))


def test_functions_that_are_called_with_too_much_are_refused(build):
    model = with_function(build, "b")
    model.graph.node[0].input.append("x")
    with pytest.raises(ModelError, match="the functions in the file cannot be inlined"):
        import_model(model)
