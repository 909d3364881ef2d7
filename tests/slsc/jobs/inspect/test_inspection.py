"""Per-layer reports: N:M found in the weights, 2:4 verdicts with the first bad window, totals."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from slsc.errors import BundleError, PlanError
from slsc.jobs.inspect.inspection import inspect_engine, inspect_network, require_2to4
from slsc.passes.analysis.roofline import DEVICES
from slsc.passes.sparsity24.verdict import tightest_n
from slsc.pattern import nm_mask, rank_groups
from slsc.runtime.bundle.engines import Artefact, Engine

RNG = np.random.default_rng(0)


def network(weight: np.ndarray, op: str = "Conv", **attributes: object) -> onnx.ModelProto:
    """image -> Conv 3x3 to as many channels as needed -> `op` with `weight` -> Conv 1x1 to an image."""
    groups = int(attributes.get("group", 1))  # type: ignore[call-overload]
    into = weight.shape[0] if op == "ConvTranspose" else weight.shape[1] * groups
    out = weight.shape[1] if op == "ConvTranspose" else weight.shape[0]
    weights = {
        "head": RNG.standard_normal((into, 3, 3, 3)),
        "body": weight,
        "tail": RNG.standard_normal((3, out, 1, 1)),
    }
    nodes = [
        helper.make_node("Conv", ["x", "head"], ["a"], "first", pads=[1, 1, 1, 1]),
        helper.make_node(op, ["a", "body"], ["b"], "middle", pads=[weight.shape[2] // 2] * 4, **attributes),
        helper.make_node("Conv", ["b", "tail"], ["y"], "last"),
    ]
    image = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 3, "h", "w"]) for n in "xy"]
    held = [numpy_helper.from_array(w.astype(np.float32), name) for name, w in weights.items()]
    graph = helper.make_graph(nodes, "net", image[:1], image[1:], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def sparse(shape: tuple[int, ...], n: int, rule: str) -> np.ndarray:
    weight = RNG.standard_normal(shape)
    return weight * nm_mask(rank_groups(abs(weight), 32, rule), n, 32)


def body(model: onnx.ModelProto):
    return inspect_network(model, 32).layers[1]


@pytest.mark.parametrize("n", [1, 5, 16, 31, 32])
def test_n_is_the_smallest_that_fits(n):
    assert tightest_n(sparse((4, 64, 3, 3), n, "magnitude"), 32) == n


def test_a_layer_by_the_2to4_rule_is_eligible_and_one_more_weight_is_named():
    weight = sparse((8, 64, 3, 3), 8, "magnitude+2:4")
    assert body(network(weight)).verdict.eligible
    require_2to4(inspect_network(network(weight), 32), "net")
    weight[5, 40:44, 2, 1] = 1.0
    report = body(network(weight))
    assert (report.verdict.reason, report.verdict.detail) == ("window", "4 of 4 at (k,c,r,s) = (5, 40, 2, 1)")
    assert report.verdict.first_bad == (5, 40, 2, 1)
    assert report.n > 8
    with pytest.raises(PlanError, match="1 of 1 layers that keep 16:32 or less") as caught:
        require_2to4(inspect_network(network(weight), 32), "net")
    assert caught.value.exit_code == 3 and caught.value.where == "net: body"


@pytest.mark.parametrize(
    ("shape", "op", "attributes", "reason", "says"),
    [
        ((16, 8, 3, 3), "Conv", {"group": 2}, "grouped", "2 convolution groups"),
        ((16, 50, 1, 1), "Conv", {}, "C%4", "50 input channels, no multiple of 4"),
        ((16, 32, 1, 1), "ConvTranspose", {}, "transposed", "transposed convolution"),
        ((16, 32, 1, 1), "Conv", {}, "N>16", "4 of 4 at (k,c,r,s) = (0, 0, 0, 0)"),
    ],
)
def test_reasons_against_2to4(shape, op, attributes, reason, says):
    verdict = body(network(RNG.standard_normal(shape), op, **attributes)).verdict
    assert (verdict.reason, verdict.detail) == (reason, says)


def test_a_dense_network_does_not_meet_2to4():
    with pytest.raises(PlanError, match="no layer keeps few enough") as caught:
        require_2to4(inspect_network(network(np.ones((8, 32, 1, 1))), 32), "net")
    assert caught.value.exit_code == 3


def test_bounds_and_the_price_of_padding():
    report = inspect_network(network(RNG.standard_normal((20, 40, 3, 3))), 32, DEVICES["a100"])
    middle = report.layers[1]
    assert report.device.title == "A100 40GB"
    assert middle.pad_cost == pytest.approx(32 * 48 / (20 * 40))
    pixels = 720 * 1280
    assert middle.bound.math == pytest.approx(2 * pixels * 9 * 24 * 40 / 312e12)
    assert middle.bound.memory == pytest.approx(2 * (pixels * (24 + 40) + 20 * 40 * 9) / 1555e9)
    assert report.to_dict()["layers"][1]["bound"]["by"] == middle.bound.by == "memory"


def test_totals_count_zeros_out():
    report = inspect_network(network(sparse((32, 32, 3, 3), 8, "magnitude")), 32)
    sizes = [32 * 3 * 9, 32 * 32 * 9, 3 * 32]
    pixels = 720 * 1280
    assert report.output_hw == (720, 1280)
    assert report.params == sum(sizes)
    assert report.macs == sum(sizes) * pixels
    assert report.kept_macs == (sizes[0] + sizes[1] // 4 + sizes[2]) * pixels
    assert report.kept_params == sizes[0] + sizes[1] // 4 + sizes[2]
    assert [layer.layer.prunable for layer in report.layers] == [False, True, False]


ENGINE = Engine("1-8", {"onnx": Artefact("engines/1-8.onnx")}, "1/8", 1.0, 1, 1, 1.0, 1.0, {})


def looped() -> onnx.ModelProto:
    """A sound network behind a loop of 2^62 rounds."""
    model = network(np.ones((3, 3, 1, 1)))
    image = helper.make_tensor_value_info("inner", TensorProto.FLOAT, None)
    flags = [helper.make_tensor_value_info(name, TensorProto.BOOL, []) for name in ("going", "on")]
    count = helper.make_tensor_value_info("round", TensorProto.INT64, [])
    result = helper.make_tensor_value_info("result", TensorProto.FLOAT, None)
    body = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["on"]), helper.make_node("Relu", ["inner"], ["result"])],
        "body", [count, flags[0], image], [flags[1], result],
    )  # fmt: skip
    model.graph.initializer.append(numpy_helper.from_array(np.array(2**62), "rounds"))
    model.graph.node[0].input[0] = "looped"
    model.graph.node.insert(0, helper.make_node("Loop", ["rounds", "", "x"], ["looped"], body=body))
    return model


def test_an_engine_with_control_flow_or_weights_elsewhere_is_refused():
    with pytest.raises(BundleError, match="control flow"):
        inspect_engine(looped().SerializeToString(), ENGINE)
    outside = network(np.ones((3, 3, 1, 1)))
    outside.graph.initializer[0].data_location = TensorProto.EXTERNAL
    outside.graph.initializer[0].external_data.add(key="location", value="w.bin")
    with pytest.raises(BundleError, match="another file"):
        inspect_engine(outside.SerializeToString(), ENGINE)


def test_a_damaged_engine_is_refused_or_harmless():
    sound = network(np.ones((4, 4, 1, 1))).SerializeToString()
    rng = np.random.default_rng(5)
    refused = 0
    for _ in range(200):
        data = bytearray(sound)
        for place in rng.integers(0, len(data), 3):
            data[place] = rng.integers(0, 256)
        try:
            inspect_engine(bytes(data), ENGINE)
        except BundleError as error:
            refused += 1
            assert error.where == "engines/1-8.onnx" and str(error).isprintable()
    assert 20 < refused < 200
