"""What a network takes is found in its file as compile finds it with onnx, and no bundle can talk it down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from slsc.passes.analysis.liveness import bytes_per_pixel
from slsc.runtime.backends.graph_memory import least_bytes_per_pixel
from slsc.runtime.backends.onnxruntime import OnnxRuntimeRunner
from slsc.runtime.memory import resident_bytes
from slsc.runtime.session import Session

PRETRAINED = Path(__file__).resolve().parents[3] / "slsc" / "zoo" / "pretrained" / "compact_x4.onnx"


def network(nodes: list[onnx.NodeProto], weights: dict[str, np.ndarray], channels: int = 3) -> onnx.ModelProto:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", channels, "h", "w"])
    result = helper.make_tensor_value_info("result", TensorProto.FLOAT, ["n", "c", "h2", "w2"])
    tensors = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "g", [image], [result], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def conv(source: str, target: str, weight: str, op: str = "Conv", **options: object) -> onnx.NodeProto:
    return helper.make_node(op, [source, weight], [target], **options)


def weight(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def parts() -> onnx.ModelProto:
    """Down, uneven parts, joined again, up by a transposed convolution and by a resize, with a connection over all."""
    nodes = [
        conv("image", "down", "w0", pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Split", ["down", "sizes"], ["few", "many"], axis=1),
        conv("many", "m", "w1", pads=[1, 1, 1, 1], group=2),
        helper.make_node("Concat", ["few", "m"], ["joined"], axis=1),
        conv("joined", "up", "w2", "ConvTranspose", strides=[2, 2]),
        helper.make_node("Resize", ["down", "", "scales"], ["large"], mode="nearest"),
        helper.make_node("Add", ["up", "large"], ["result"]),
    ]
    given = {"w0": weight(16, 3, 3, 3), "w1": weight(12, 6, 3, 3), "w2": weight(16, 16, 2, 2)}
    sizes = {"sizes": np.array([4, 12]), "scales": np.array([1, 1, 2, 2], np.float32)}
    return network(nodes, {**given, **sizes})


def quantized() -> onnx.ModelProto:
    """Weights behind DequantizeLinear, and a pixel shuffle."""
    nodes = [
        helper.make_node("DequantizeLinear", ["w8", "scale"], ["w"]),
        conv("image", "a", "w", pads=[1, 1, 1, 1]),
        helper.make_node("DepthToSpace", ["a"], ["result"], blocksize=2, mode="CRD"),
    ]
    return network(nodes, {"w8": np.zeros((64, 3, 3, 3), np.int8), "scale": np.array(0.5, np.float32)})


@pytest.mark.parametrize("make", [parts, quantized, lambda: onnx.load(PRETRAINED)], ids=["parts", "quantized", "zoo"])
def test_it_is_what_compile_writes_into_bundles(make: Callable[[], onnx.ModelProto]) -> None:
    model = make()
    assert least_bytes_per_pixel(model.SerializeToString()) == pytest.approx(bytes_per_pixel(model))


def test_other_networks_of_the_tests(tiny: SimpleNamespace) -> None:
    for made in (tiny.sr_network(scale=4), tiny.strided_network(), tiny.identity_network(scale=3)):
        assert least_bytes_per_pixel(made) == pytest.approx(bytes_per_pixel(onnx.load_from_string(made)))


def test_what_the_field_gives(cases_dir: Path) -> None:
    for name in ("sr_op9", "sr_qdq", "dn_residual", "rs_bil_ac", "deg_dark"):
        model = onnx.load(cases_dir / f"{name}.onnx")
        found, whole = least_bytes_per_pixel(model.SerializeToString()), bytes_per_pixel(model)
        assert 0.5 * whole <= found <= 1.01 * whole, name


def test_a_manifest_that_understates_it_changes_nothing(
    make_bundle: Callable[..., Path], tiny: SimpleNamespace
) -> None:
    model = tiny.sr_network(width=64)
    true = bytes_per_pixel(onnx.load_from_string(model))
    honest = tiny.manifest(bytes_per_pixel=true)
    image = np.zeros((200, 200, 3), np.uint8)
    counts = []
    for name, manifest in (
        ("a.slsb", honest),
        ("b.slsb", replace(honest, engines=(replace(honest.engines[0], bytes_per_pixel=1.0),))),
    ):
        with Session(make_bundle(model, manifest, name), threads=1) as session:
            runner = session._restorer.loaded.runner
            assert isinstance(runner, OnnxRuntimeRunner)
            counts.append(runner.run_bytes(session.engine, 100, 100))
            session.configure(memory=resident_bytes() + (50 << 20))
            session.restore(image, lambda done, total: counts.append(total) if done == total else None)
    assert counts[:2] == counts[2:] and counts[1] > 1


def test_no_graph_takes_long_or_ends_in_anything_but_a_figure_or_an_error() -> None:
    nodes = [helper.make_node("Relu", ["image"], [f"v{index}"]) for index in range(20_000)]
    nodes.append(helper.make_node("Sum", [f"v{index}" for index in range(20_000)], ["result"]))
    assert least_bytes_per_pixel(network(nodes, {}).SerializeToString()) == 3 * 4 * 20_001
    data = parts().SerializeToString()
    rng = np.random.default_rng(0)
    for _ in range(300):
        spoilt = bytearray(data)
        for place in rng.integers(0, len(data), 4):
            spoilt[place] = rng.integers(0, 256)
        try:
            assert least_bytes_per_pixel(bytes(spoilt)) >= 0
        except ValueError:
            continue
