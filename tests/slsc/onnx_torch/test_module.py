from __future__ import annotations

import copy
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from slsc.errors import ModelError
from slsc.onnx_torch import OnnxModule


@pytest.fixture
def residual(model_of: Any, random: Any) -> onnx.ModelProto:
    """conv, relu, conv, add of the input, pixel shuffle; one conv grouped and padded SAME, one weight of two convs."""
    nodes = [
        helper.make_node("Conv", ["x", "body.0.weight", "body.0.bias"], ["first"], pads=[1] * 4),
        helper.make_node("Relu", ["first"], ["active"]),
        helper.make_node("Conv", ["active", "grouped"], ["second"], auto_pad="SAME_UPPER", group=2),
        helper.make_node("Conv", ["second", "body.0.weight"], ["third"], pads=[1] * 4),
        helper.make_node("Add", ["third", "x"], ["sum"]),
        helper.make_node("DepthToSpace", ["sum"], ["y"], blocksize=2, mode="CRD"),
    ]
    weights = {"body.0.weight": random(4, 4, 3, 3), "body.0.bias": random(4), "grouped": random(4, 2, 2, 4)}
    return model_of(nodes, weights)


def test_equals_onnxruntime(assert_agrees: Any, residual: onnx.ModelProto, random: Any) -> None:
    assert_agrees(residual, random(2, 4, 7, 9))


def test_parameters_carry_the_initializers_names(residual: onnx.ModelProto) -> None:
    module = OnnxModule(residual)
    assert module.parameter_names() == ("body.0.weight", "body.0.bias", "grouped")
    assert {id(module.parameter(name)) for name in module.parameter_names()} == {id(p) for p in module.parameters()}
    assert all(parameter.is_leaf and parameter.requires_grad for parameter in module.parameters())
    with pytest.raises(KeyError):
        module.parameter("x")


def test_steps_follow_the_graph_and_free_values_after_their_last_use(residual: onnx.ModelProto) -> None:
    module = OnnxModule(residual)
    assert [step.op_type for step in module.steps] == ["Conv", "Relu", "Conv", "Conv", "Add", "DepthToSpace"]
    env = module.start(torch.zeros(1, 4, 6, 6))
    most = 0
    for step in module.steps:
        module.execute(step, env)
        assert all(isinstance(value, torch.Tensor) for value in env.values())
        most = max(most, len(env))
    assert set(env) == {"y"}
    assert most == 2  # x for the skip connection, and the current value


def test_steps_of_one_module_drive_a_copy_in_lockstep(residual: onnx.ModelProto, random: Any) -> None:
    dense = OnnxModule(residual)
    pruned = copy.deepcopy(dense)
    pruned.parameter("grouped").data.mul_(0)
    x = torch.from_numpy(random(1, 4, 6, 6))
    left, right = dense.start(x), pruned.start(x)
    differ = []
    for step in dense.steps:
        dense.execute(step, left)
        pruned.execute(step, right)
        differ.append(not torch.equal(left[step.outputs[0]], right[step.outputs[0]]))
    assert differ == [False, False, True, True, True, True]


def test_forward_is_differentiable_and_masks_hold(residual: onnx.ModelProto, random: Any) -> None:
    module = OnnxModule(residual)
    mask = torch.zeros(4, 4, 3, 3)
    mask[:, ::2] = 1
    weight = module.parameter("body.0.weight")
    weight.data.mul_(mask)
    optimizer = torch.optim.Adam(module.parameters(), 1e-2)
    x = torch.from_numpy(random(1, 4, 6, 6))
    before = module(x).square().mean()
    for _ in range(20):
        optimizer.zero_grad()
        loss = module(x).square().mean()
        loss.backward()
        assert all(parameter.grad is not None for parameter in module.parameters())
        optimizer.step()
        weight.data.mul_(mask)
    assert loss < before
    assert not weight[:, 1::2].any()


def test_conv_steps_give_what_unfolding_needs(residual: onnx.ModelProto) -> None:
    module = OnnxModule(residual)
    first, second, third = module.conv_steps()
    assert (first.weight, first.bias, first.groups) == ("body.0.weight", "body.0.bias", 1)
    assert (first.strides, first.pads, first.dilations) == ((1, 1), (1, 1, 1, 1), (1, 1))
    assert (second.weight, second.bias, second.groups, second.pads) == ("grouped", None, 2, (0, 1, 1, 2))
    assert third.weight == first.weight
    assert first.step is module.steps[0]


def test_state_dict_round_trip_and_dtype_change(residual: onnx.ModelProto, random: Any) -> None:
    module, other = OnnxModule(residual), OnnxModule(residual)
    for parameter in module.parameters():
        parameter.data.add_(1)
    other.load_state_dict(module.state_dict())
    x = torch.from_numpy(random(1, 4, 5, 5))
    assert torch.equal(module(x), other(x))
    assert module.double()(x.double()).dtype == torch.float64
    assert module.parameter_names() == other.parameter_names()


def test_weights_behind_identity_and_constant_nodes_are_found(model_of: Any, assert_agrees: Any, random: Any) -> None:
    weight = random(3, 3, 3, 3)
    nodes = [
        helper.make_node("Constant", [], ["inline"], value=onnx.numpy_helper.from_array(weight)),
        helper.make_node("Identity", ["inline"], ["alias"]),
        helper.make_node("Conv", ["x", "inline"], ["m"], pads=[1] * 4),
        helper.make_node("Conv", ["m", "alias"], ["y"], pads=[1] * 4),
    ]
    model = model_of(nodes, {})
    assert_agrees(model, random(1, 3, 5, 6))
    assert [conv.weight for conv in OnnxModule(model).conv_steps()] == ["inline", "inline"]


def test_old_models_list_their_initializers_as_inputs(
    residual: onnx.ModelProto, assert_agrees: Any, random: Any
) -> None:
    for tensor in residual.graph.initializer:
        residual.graph.input.append(helper.make_tensor_value_info(tensor.name, 1, list(tensor.dims)))
    assert OnnxModule(residual).input_name == "x"
    assert_agrees(residual, random(1, 4, 6, 6))


def test_float16_graph_runs_in_float32(model_of: Any, random: Any) -> None:
    nodes = [
        helper.make_node("Cast", ["x"], ["half"], to=10),
        helper.make_node("Conv", ["half", "w", "b"], ["c"], pads=[1] * 4),
        helper.make_node("Cast", ["c"], ["y"], to=1),
    ]
    weights = {"w": random(4, 3, 3, 3).astype(np.float16), "b": random(4).astype(np.float16)}
    module = OnnxModule(model_of(nodes, weights))
    x = torch.from_numpy(random(1, 3, 6, 6))
    want = torch.nn.functional.conv2d(
        x, *(torch.from_numpy(value.astype(np.float32)) for value in weights.values()), padding=1
    )
    assert module.parameter("w").dtype == torch.float32
    assert torch.equal(module(x), want)


def test_float16_storage_with_cast_is_exact(model_of: Any, assert_agrees: Any, random: Any) -> None:
    nodes = [
        helper.make_node("Cast", ["w"], ["wide"], to=1),
        helper.make_node("Conv", ["x", "wide"], ["y"], pads=[1] * 4),
    ]
    model = model_of(nodes, {"w": random(4, 3, 3, 3).astype(np.float16)})
    assert_agrees(model, random(1, 3, 6, 6))
    assert [conv.weight for conv in OnnxModule(model).conv_steps()] == ["w"]


def test_no_op_mixes_devices(model_of: Any, random: Any) -> None:
    """The meta device stands in for an accelerator: it refuses CPU tensors as one does."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1] * 4),
        helper.make_node("BatchNormalization", ["c", "one", "one", "one", "one"], ["n"]),
        helper.make_node("Shape", ["n"], ["s"]),
        helper.make_node("Gather", ["s", "last"], ["width"]),
        helper.make_node("Cast", ["width"], ["wide"], to=1),
        helper.make_node("Div", ["n", "wide"], ["d"]),
        helper.make_node("Pow", ["d", "two"], ["p"]),
        helper.make_node("Clip", ["p", "zero", "two"], ["k"]),
        helper.make_node("Gather", ["k", "picked"], ["g"], axis=3),
        helper.make_node("Max", ["g", "floor"], ["m"]),
        helper.make_node("Concat", ["m", "floor"], ["t"], axis=2),
        helper.make_node("Resize", ["t", "", "scales"], ["r"], mode="cubic", cubic_coeff_a=-0.5),
        helper.make_node("Pad", ["r", "pads"], ["y"], mode="reflect"),
    ]
    constants = {
        "w": random(1, 3, 3, 3),
        "one": np.ones(1, np.float32),
        "last": np.array(3),
        "two": np.float32(2),
        "zero": np.float32(0),
        "picked": np.array([0, -1, 1]),
        "floor": random(1, 1, 1, 3),
        "scales": np.array([1, 1, 2, 2], np.float32),
        "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
    }
    model, x = model_of(nodes, constants), torch.from_numpy(random(1, 3, 5, 6))
    want = OnnxModule(model)(x)
    found = OnnxModule(model).to("meta")(x.to("meta"))
    assert (found.device.type, found.shape) == ("meta", want.shape)


@pytest.mark.parametrize("extra", ["input", "output"])
def test_several_inputs_or_outputs_are_refused(residual: onnx.ModelProto, extra: str) -> None:
    getattr(residual.graph, extra).append(helper.make_tensor_value_info("first", 1, None))
    with pytest.raises(ModelError, match=f"exactly one {extra}.*first"):
        OnnxModule(residual)


@pytest.mark.parametrize(
    ("op", "domain", "words"),
    [
        ("QLinearConv", "", "in integers"),
        ("If", "", "control flow"),
        ("LSTM", "", "operator LSTM"),
        ("FusedConv", "com.microsoft", "com.microsoft"),
        ("Conv", "my.domain", "my.domain"),
    ],
)
def test_unsupported_operators_are_named(model_of: Any, op: str, domain: str, words: str) -> None:
    node = helper.make_node(op, ["x"], ["y"], name="the_node", domain=domain)
    with pytest.raises(ModelError, match=f"the_node.*{words}"):
        OnnxModule(model_of([node], {}))


def test_nodes_out_of_order_are_refused(residual: onnx.ModelProto) -> None:
    last = residual.graph.node.pop()
    residual.graph.node.insert(0, last)
    with pytest.raises(ModelError, match=r"DepthToSpace.*'sum' is not made"):
        OnnxModule(residual)


def test_a_weight_computed_from_the_image_is_refused(model_of: Any, random: Any) -> None:
    nodes = [
        helper.make_node("Mul", ["x", "w"], ["dynamic"]),
        helper.make_node("Conv", ["x", "dynamic"], ["y"], name="the_conv"),
    ]
    with pytest.raises(ModelError, match=r"the_conv.*computed from the image"):
        OnnxModule(model_of(nodes, {"w": random(1, 3, 3, 3)}))
