from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from slsc.passes.bake import BakeMasks
from slsc.passes.base import PassContext
from slsc.passes.graph import initializers
from slsc.passes.lowering import LoweringRefusal, lower
from slsc.passes.lowering.nmp import Conv, OpType, PlanFile
from slsc.pattern import count_kept, nm_mask, rank_groups
from slsc.plan import LayerPlan, Plan, mask_digest

QUIET = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def two_convs(channels: int, made: int, kernel: tuple[int, int], groups: int, seed: int, **attributes: Any) -> Any:
    """A 1x1 convolution from 3 to `channels` channels, then the one under test, then one back to 3."""
    rng = np.random.default_rng(seed)
    shapes = {
        "head": (channels, 3, 1, 1),
        "weight": (made, channels // groups, *kernel),
        "bias": (made,),
        "tail": (3, made, 1, 1),
    }
    held = {name: rng.standard_normal(shape) / np.sqrt(max(1, np.prod(shape[1:]))) for name, shape in shapes.items()}
    nodes = [
        helper.make_node("Conv", ["x", "head"], ["a"], "head"),
        helper.make_node("Conv", ["a", "weight", "bias"], ["b"], "tested", group=groups, **attributes),
        helper.make_node("Conv", ["b", "tail"], ["y"], "tail"),
    ]
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3, "h2", "w2"])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in held.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def pruned(model: onnx.ModelProto, n: int, m: int, rule: str = "magnitude") -> tuple[onnx.ModelProto, Plan]:
    """The convolution under test at n:m by magnitude."""
    weight = initializers(model)["weight"]
    mask = nm_mask(rank_groups(np.abs(weight), m, rule), n, m)
    plan = Plan((LayerPlan("weight", n, m, rule, mask_digest(mask)),), "1/8", n / m, "uniform")
    baked = BakeMasks(plan, {"weight": weight}, {"weight": mask}).run(model, PassContext()).model
    return baked, plan


@QUIET
@given(data=st.data())
def test_any_convolution(lowers: Callable, data: st.DataObject) -> None:
    integers = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    groups = data.draw(st.sampled_from((1, 1, 1, 2, 3)))
    channels, made = groups * integers(1, 20), groups * integers(1, 6)
    kernel, dilations = (integers(1, 5), integers(1, 5)), (integers(1, 3), integers(1, 3))
    pads = [integers(0, 3) for _ in range(4)]
    strides = (integers(1, 3), integers(1, 3))
    model = two_convs(channels, made, kernel, groups, integers(0, 99), strides=strides, dilations=dilations, pads=pads)
    m = data.draw(st.sampled_from((2, 3, 4, 8, 16, 32)))
    n = integers(1, m)
    plan = None
    if data.draw(st.booleans()) and n < m:
        model, plan = pruned(model, n, m)
    size = (integers(13, 40), integers(13, 40))
    found = lowers(model, size, plan=plan)
    assert found.m == (m if plan else 0)
    tested = found.ops[1].params
    assert isinstance(tested, Conv)
    if plan:
        kept = count_kept((made, channels // groups, *kernel), n, m)
        assert len(found.arrays[tested.positions].data) == kept
        assert tested.n == n


@pytest.mark.parametrize("rule", ["magnitude", "magnitude+2:4"])
@pytest.mark.parametrize(("n", "m", "channels", "groups"), [(4, 32, 64, 1), (20, 32, 40, 1), (3, 8, 32, 2)])
def test_capacity_is_a_model_of_fewer_ranks(
    interpret: Callable, run_onnx: Callable, decibels: Callable, rule: str, n: int, m: int, channels: int, groups: int
) -> None:
    model = two_convs(channels, 6, (3, 3), groups, 5, pads=[1, 1, 1, 1])
    engine, plan = pruned(model, n, m, rule)
    lowered = PlanFile.from_bytes(lower(engine, plan))
    image = np.random.default_rng(1).random((3, 11, 10), np.float32)
    for capacity in range(1, n + 1):
        smaller, _ = pruned(model, capacity, m, rule)
        assert decibels(interpret(lowered, image, capacity), run_onnx(smaller, image)) > 110


def test_a_group_with_fewer_nonzeros_holds_explicit_zeros(lowers: Callable) -> None:
    model = two_convs(32, 4, (3, 3), 1, 0, pads=[1, 1, 1, 1])
    weight = initializers(model)["weight"].copy()
    weight[1] = 0
    for tensor in model.graph.initializer:
        if tensor.name == "weight":
            tensor.CopyFrom(numpy_helper.from_array(weight, "weight"))
    engine, plan = pruned(model, 4, 16)
    found = lowers(engine, (9, 12), plan=plan)
    emptied = found.ops[1].params
    assert isinstance(emptied, Conv)
    assert len(found.arrays[emptied.positions].data) == 4 * 2 * 4 * 9


def test_weights_of_shared_layers_are_stored_once(build: Callable) -> None:
    model = build(
        """g (float[n, 4, h, w] x) => (float[n, 4, h, w] y) {
            a = Conv<pads = [1, 1, 1, 1]>(x, weight)
            b = Relu(a)
            y = Conv<pads = [1, 1, 1, 1]>(b, weight)
        }""".replace("4, h", "3, h"),
        weight=(3, 3, 3, 3),
    )
    assert len(PlanFile.from_bytes(lower(model, None)).arrays) == 1


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_automatic_padding(lowers: Callable, auto_pad: str) -> None:
    lowers(two_convs(4, 5, (4, 3), 1, 3, auto_pad=auto_pad))


def test_padding_that_follows_the_size_is_refused() -> None:
    model = two_convs(4, 5, (3, 3), 1, 3, auto_pad="SAME_UPPER", strides=[2, 2])
    with pytest.raises(LoweringRefusal, match=r"Conv 'tested'.*follows the size of the image"):
        lower(model, None)


def test_a_diagonal_convolution_scales(lowers: Callable, build: Callable) -> None:
    model = build(
        """g (float[n, 3, h, w] x) => (float[n, 3, h, w] y) {
            y = Conv(x, weight, bias)
        }""",
        weight=np.diag([1, 2, 3]).astype(np.float32)[:, :, None, None],
        bias=(3,),
    )
    assert [op.type for op in lowers(model).ops] == [OpType.UNARY]


def test_two_group_sizes_are_refused() -> None:
    model = two_convs(16, 16, (3, 3), 1, 0)
    model.graph.node[2].input[1] = "weight2"
    weight = initializers(model)["weight"]
    model.graph.initializer.append(numpy_helper.from_array(weight[:3], "weight2"))
    digest = "0" * 64
    layers = (LayerPlan("weight", 2, 8, "magnitude", digest), LayerPlan("weight2", 2, 4, "magnitude", digest))
    with pytest.raises(LoweringRefusal, match="one group size"):
        lower(model, Plan(layers, "1/4", 0.25, "uniform"))


def test_a_computed_weight_is_refused(build: Callable) -> None:
    model = build(
        """g (float[n, 1, h, w] x) => (float[n, 1, h, w] y) {
            k = GlobalAveragePool(x)
            y = Conv(x, k)
        }"""
    )
    with pytest.raises(LoweringRefusal, match="is computed"):
        lower(model, None)
