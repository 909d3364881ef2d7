"""If goes where its condition is known before any photo is."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper
from onnxruntime.tools.onnx_model_utils import make_input_shape_fixed

from slsc.errors import ModelError
from slsc.passes import verify
from slsc.passes.importing.bind import bind
from slsc.passes.importing.binding import Binding
from slsc.passes.importing.import_model import import_model

NET = "net (float[n,3,h,w] x) => (float[n,3,h,w] y) {"


def branch(op_type: str, name: str, *more: onnx.NodeProto) -> onnx.GraphProto:
    made = helper.make_tensor_type_proto(1, None)
    nodes = [*more, helper.make_node(op_type, ["inner" if more else "a"], ["made"])]
    return helper.make_graph(nodes, name, [], [helper.make_value_info("made", made)])


def choice(condition: str, then: onnx.GraphProto, otherwise: onnx.GraphProto, output: str = "b") -> onnx.NodeProto:
    return helper.make_node("If", [condition], [output], "choose", then_branch=then, else_branch=otherwise)


def with_if(build, before: str, node: onnx.NodeProto, **values) -> onnx.ModelProto:
    text = f"{NET} {before} a = Conv <pads=[1,1,1,1]> (x, w) b = Relu(a) made = Neg(b) y = Add(made, x) }}"
    model = build(text, w=(3, 3, 3, 3), **values)
    place = next(index for index, each in enumerate(model.graph.node) if each.output[0] == "b")
    model.graph.node[place].CopyFrom(node)
    return model


CONDITIONS = {
    # name: (nodes before, values, whether it is true)
    "stored": ("", {"c": np.array(False)}, False),
    "computed": ("c = Equal(one, one)", {"one": np.int64(1)}, True),
    "a rank": ("s = Shape(x) r = Size(s) c = Equal(r, four)", {"four": np.int64(4)}, True),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_the_branch_of_a_known_condition_is_taken(build, image, name):
    before, values, true = CONDITIONS[name]
    model = with_if(build, before, choice("c", branch("Relu", "then"), branch("Abs", "otherwise")), **values)
    imported = import_model(model).model
    kinds = {node.op_type for node in imported.graph.node}
    assert "If" not in kinds and (("Relu" in kinds), ("Abs" in kinds)) == (true, not true)
    assert verify.compare(model, imported, [image(16, 20)]).relative < 1e-6


def test_a_branch_within_a_branch(build, image):
    inner = choice("no", branch("Neg", "then"), branch("Abs", "otherwise"), "inner")
    node = choice("yes", branch("Sigmoid", "outer", inner), branch("Neg", "other"))
    model = with_if(build, "", node, yes=np.array(True), no=np.array(False))
    imported = import_model(model).model
    assert {"Sigmoid", "Abs"} <= {node.op_type for node in imported.graph.node}
    assert verify.compare(model, imported, [image(16, 20)]).relative < 1e-6


def test_a_flag_that_is_set_decides(build):
    model = with_if(build, "", choice("flag", branch("Relu", "then"), branch("Abs", "otherwise")))
    model.graph.input.append(helper.make_tensor_value_info("flag", onnx.TensorProto.BOOL, []))
    imported = import_model(bind(model, Binding({"flag": (0.0,)}))).model
    assert "Abs" in {node.op_type for node in imported.graph.node}


def test_a_condition_that_the_photo_decides_is_refused(build):
    before = "m = ReduceMean <keepdims=0> (x) c = Greater(m, half)"
    model = with_if(build, before, choice("c", branch("Relu", "a"), branch("Abs", "b")), half=np.float32(0.5))
    with pytest.raises(ModelError, match=r"If 'choose'.*pixels"):
        import_model(model)


def test_branches_that_are_the_same_need_no_condition(build, image):
    before = "m = ReduceMean <keepdims=0> (x) c = Greater(m, half)"
    model = with_if(build, before, choice("c", branch("Relu", "a"), branch("Relu", "b")), half=np.float32(0.5))
    imported = import_model(model).model
    assert "If" not in {node.op_type for node in imported.graph.node}
    assert verify.compare(model, imported, [image(16, 20)]).relative < 1e-6


def test_branches_that_read_another_tensor_of_an_inner_name_are_not_the_same(build):
    def twice(name: str, second: str) -> onnx.GraphProto:
        nodes = [helper.make_node("Neg", ["a"], [name]), helper.make_node("Add", [name, second], ["made"])]
        made = helper.make_tensor_type_proto(1, None)
        return helper.make_graph(nodes, name, [], [helper.make_value_info("made", made)])

    before = "m = ReduceMean <keepdims=0> (x) c = Greater(m, half) outer = Relu(x)"
    for outer in ("0", "made 0"):  # as numbered names come from PyTorch
        model = with_if(build, before, choice("c", twice("first", outer), twice("own", "own")), half=np.float32(0.5))
        next(node for node in model.graph.node if node.output[0] == "outer").output[0] = outer
        with pytest.raises(ModelError, match="If 'choose'"):
            import_model(model)


SIZE = "s = Shape(x) h = Gather(s, two) c = Greater(h, most)"


def test_a_condition_on_the_size_is_refused_with_the_command_that_fixes_it(build):
    both = choice("c", branch("Relu", "a"), branch("Abs", "b"))
    model = with_if(build, SIZE, both, two=np.int64(2), most=np.int64(64))
    with pytest.raises(ModelError, match="image's size") as caught:
        import_model(model)
    assert "make_dynamic_shape_fixed --input_name x" in str(caught.value.hint)


def test_a_fixed_size_decides_a_condition_on_it(build):
    both = choice("c", branch("Relu", "a"), branch("Abs", "b"))
    model = with_if(build, SIZE, both, two=np.int64(2), most=np.int64(64))
    make_input_shape_fixed(model.graph, "x", [1, 3, 32, 32])
    assert "Abs" in {node.op_type for node in import_model(model).model.graph.node}


def test_a_loop_is_refused_with_what_to_do(build):
    kinds = (("i", 7, []), ("go", 9, []), ("state", 1, None), ("on", 9, []), ("made", 1, None))
    values = [helper.make_tensor_value_info(*kind) for kind in kinds]
    nodes = [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Relu", ["state"], ["made"])]
    loop = helper.make_node("Loop", ["trips", "", "a"], ["b"], "again")
    loop.attribute.append(helper.make_attribute("body", helper.make_graph(nodes, "body", values[:3], values[3:])))
    model = with_if(build, "", loop, trips=np.int64(2))
    with pytest.raises(ModelError, match=r"Loop 'again'.*one fixed sequence") as caught:
        import_model(model)
    assert "tracing" in str(caught.value.hint)
