"""Files whose nodes stand in any order, as some tools leave them, are read."""

from __future__ import annotations

import onnx
import pytest

from slsc.errors import ModelError
from slsc.passes.importing.load import load_model
from slsc.passes.importing.order import sort_nodes

CHAIN = "net (float[n,3,h,w] x) => (float[n,3,h,w] y) { a = Relu(x) b = Neg(x) c = Add(a, b) d = Abs(c) y = Add(d, b) }"


def shuffled(model: onnx.ModelProto, order: list[int]) -> onnx.ModelProto:
    nodes = [model.graph.node[index] for index in order]
    result = onnx.ModelProto()
    result.CopyFrom(model)
    del result.graph.node[:]
    result.graph.node.extend(nodes)
    return result


@pytest.mark.parametrize("order", [[4, 3, 2, 1, 0], [2, 0, 1, 4, 3], [1, 0, 2, 3, 4]])
def test_nodes_come_after_what_they_take(build, tmp_path, order):
    onnx.save(shuffled(build(CHAIN), order), tmp_path / "net.onnx")
    names = [node.output[0] for node in load_model(tmp_path / "net.onnx").graph.node]
    assert names.index("c") > max(names.index("a"), names.index("b")) and names[3:] == ["d", "y"]


def test_nodes_that_do_are_left_alone(build):
    graph = shuffled(build(CHAIN), [1, 0, 2, 3, 4]).graph
    sort_nodes(graph)
    assert [node.output[0] for node in graph.node] == ["b", "a", "c", "d", "y"]


def test_circles_are_refused(build, tmp_path):
    model = build(CHAIN)
    model.graph.node[0].input[0] = "d"
    onnx.save(model, tmp_path / "net.onnx")
    with pytest.raises(ModelError, match="topologically sorted"):
        load_model(tmp_path / "net.onnx")
