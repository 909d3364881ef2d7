"""How large a model becomes with its functions inlined."""

from __future__ import annotations

import onnx
import pytest
from onnx import helper, inliner

from slsc.errors import ModelError
from slsc.passes.importing import expansion
from slsc.passes.importing.expansion import MAX_BYTES, MAX_NODES, Size, expanded_size
from slsc.passes.importing.import_model import import_model
from slsc.passes.importing.load import load_model

OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]


def call(name: str, source: str, result: str) -> onnx.NodeProto:
    return helper.make_node(name, [source], [result], domain="f")


def doubling(levels: int, times: int = 2, last: onnx.NodeProto | None = None) -> onnx.ModelProto:
    """A model of `levels` functions, each of which calls the next `times` times, one after the other."""
    functions = []
    for level in range(levels):
        nodes = [call(f"f{level + 1}", f"t{i}", f"t{i + 1}") for i in range(times)]
        functions.append(helper.make_function("f", f"f{level}", ["t0"], [f"t{times}"], nodes, OPSETS))
    last = last or helper.make_node("Relu", ["a"], ["b"])
    functions.append(helper.make_function("f", f"f{levels}", ["a"], ["b"], [last], OPSETS))
    image, restored = (helper.make_tensor_value_info(name, 1, ["n", 3, "h", "w"]) for name in ("x", "y"))
    graph = helper.make_graph([call("f0", "x", "y")], "net", [image], [restored])
    return helper.make_model(graph, opset_imports=OPSETS, functions=functions, ir_version=8)


@pytest.mark.parametrize(("levels", "times"), [(0, 1), (1, 3), (4, 2), (3, 5)])
def test_nodes_are_those_that_the_inliner_makes(levels, times):
    model = doubling(levels, times)
    assert expanded_size(model).nodes == len(inliner.inline_local_functions(model).graph.node) == times**levels


def test_a_graph_without_functions_is_as_large_as_it_is(build):
    model = build("net (float[n,3,h,w] x) => (float[n,3,h,w] y) { a = Relu(x) y = Relu(a) }")
    assert expanded_size(model) == Size(2, model.graph.ByteSize())


def test_calls_inside_subgraphs_count(build):
    model = doubling(3)
    branch = helper.make_graph([model.graph.node[0]], "branch", [], [model.graph.output[0]])
    model.graph.node[0].CopyFrom(helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch))
    assert expanded_size(model).nodes == 1 + 2 * 8


@pytest.mark.parametrize("levels", [17, 90, 3000])
def test_doubling_functions_are_refused_at_once(levels):
    with pytest.raises(ModelError, match=f"over {MAX_NODES} nodes with its functions inlined"):
        import_model(doubling(levels))


def test_bytes_double_as_well(monkeypatch):
    held = helper.make_node("Constant", [], ["b"], value=helper.make_tensor("v", 1, [9000], [0.0] * 9000))
    model = doubling(10, last=held)
    assert 9000 * 4 * 2**10 < expanded_size(model).bytes < MAX_BYTES
    monkeypatch.setattr(expansion, "MAX_BYTES", 1 << 20)
    with pytest.raises(ModelError, match="bytes with its functions inlined"):
        import_model(model)


def test_functions_in_a_circle_are_refused():
    with pytest.raises(ModelError, match=r"f:f\d: .* in a circle"):
        import_model(doubling(2, last=call("f0", "a", "b")))


def test_a_graph_of_too_many_nodes_is_refused(build, monkeypatch):
    monkeypatch.setattr(expansion, "MAX_NODES", 1)
    with pytest.raises(ModelError, match="over 1 nodes:"):
        import_model(build("net (float[n,3,h,w] x) => (float[n,3,h,w] y) { a = Relu(x) y = Relu(a) }"))


def test_the_hostile_file_of_the_pack(cases_dir):
    with pytest.raises(ModelError, match="functions inlined"):
        import_model(load_model(cases_dir / "hostile" / "function_bomb_16.onnx"))
